/** What `Synkti` of the package's entry loads when it is first asked for something. */
export { borrow } from './borrow.js';
export { borrowed } from './borrowed.js';
export { BorrowError } from './error.js';

/** Zip files, as borrowed clusters pack them, too. */
export { unzip, type ZipEntry, zip } from '../../aws/zip.js';

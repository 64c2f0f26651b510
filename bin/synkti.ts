import { endSoon } from '../cli/end.js';
import { main } from '../cli/main.js';

const END_MS = 5_000;

await main(process.argv.slice(2));
endSoon(
  () => process.stdout.writableLength + process.stderr.writableLength,
  () => {
    if (process.env.SYNKTI_DEBUG !== undefined) {
      process.stderr.write(`still there: ${process.getActiveResourcesInfo().join(', ')}\n`);
    }
    process.exit();
  },
  (act) => setTimeout(act, END_MS).unref(),
);

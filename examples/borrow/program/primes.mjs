/** Counts primes: GET /?from=0&to=1000 answers how many there are in between. Runs on every node. */
import { createServer } from 'node:http';

function isPrime(n) {
  if (n < 2) return false;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://node');
  let count = 0;
  for (let n = Number(searchParams.get('from') ?? 0); n < Number(searchParams.get('to') ?? 0); n++) {
    if (isPrime(n)) count += 1;
  }
  response.end(String(count));
}).listen(Number(process.env.PORT ?? 8080), process.env.HOST);

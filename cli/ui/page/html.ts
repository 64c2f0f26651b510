/** The page's frame. It holds no data: the script asks for that, with the token of the address. */
export const pageHtml = (style: string, script: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Synkti</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#nodes">Skip to the nodes</a>
<header>
<div class="brand"><h1>Synkti <span id="title"></span></h1><p id="stage" class="soft">connecting</p></div>
<dl class="figures">
<div><dt>serving</dt><dd id="serving">-</dd></div>
<div><dt>capacity</dt><dd><span id="capacity">-</span> <small id="on-demand"></small></dd></div>
<div id="rate-box" hidden><dt id="rate-name">requests/s</dt><dd id="rate">-</dd></div>
<div id="failed-box" hidden><dt id="failed-name">failed</dt><dd><span id="failed">-</span> <small id="sent"></small></dd></div>
<div id="p99-box" class="spark" hidden><dt id="p99-name">p99, last 90 s</dt><dd><span id="p99">-</span><svg id="spark" viewBox="0 0 180 32" preserveAspectRatio="none" role="img" aria-label="p99 by second"></svg><small id="late" hidden>CloudWatch is some minutes behind</small></dd></div>
<div id="tasks-box" class="spark" hidden><dt>tasks</dt><dd><span id="tasks">-</span><small id="tasks-rest"></small><progress id="done" max="1" value="0" aria-label="tasks done"></progress></dd></div>
</dl>
<div class="actions"><button id="heal" type="button" hidden>Heal the partition</button><button id="end" type="button" hidden>End and judge</button></div>
</header>
<main>
<section id="nodes" tabindex="-1" aria-labelledby="nodes-title">
<div class="row"><h2 id="nodes-title">Nodes</h2>
<p class="legend soft"><span><i data-c="serving"></i>serving</span><span><i data-c="booting"></i>booting</span><span class="acting"><i data-c="noticed"></i>noticed</span><span class="reading"><i data-c="draining"></i>draining</span><span><i data-c="unwell"></i>not answering</span><span><i data-c="dead"></i>dead</span><span><i data-c="ending"></i>going</span><span><u>3</u> on-demand</span></p></div>
<div id="zones"></div>
<p id="keys-read" class="keys soft" hidden>Arrow keys move. On a node: <kbd>Enter</kbd> its details <kbd>Esc</kbd> close</p>
<p id="keys-act" class="keys soft" hidden>Arrow keys move. On a node: <kbd>I</kbd> interrupt <kbd>K</kbd> kill <kbd>C</kbd> cut off <kbd>H</kbd> hang its agent <kbd>Z</kbd> reclaim its zone <kbd>Esc</kbd> close</p>
</section>
<aside>
<section id="detail" aria-labelledby="detail-title" hidden>
<div class="row"><h2 id="detail-title"></h2><button id="close" type="button" class="plain" aria-label="Close the details">×</button></div>
<p id="detail-label"></p>
<dl id="facts"></dl>
<div id="acts" class="acts" role="group" aria-label="Acts on this node" hidden></div>
<ul id="commands" aria-label="Commands for this node" hidden></ul>
</section>
<section id="concerns-box" aria-labelledby="concerns-title" hidden><h2 id="concerns-title">What is amiss</h2><p id="well" class="soft">Nothing is amiss.</p><ul id="concerns"></ul></section>
<section aria-labelledby="incidents-title"><h2 id="incidents-title">Incidents</h2><p id="none" class="soft">None yet. All is calm.</p><ol id="incidents"></ol></section>
<section aria-labelledby="log-title"><h2 id="log-title">What happened</h2><ol id="log"></ol></section>
</aside>
</main>
<p id="said" role="status" aria-live="polite"></p>
<script>${script}</script>
</body>
</html>
`;

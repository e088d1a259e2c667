/** What `/` shows until the web app is served there. No script, no style of its own: the policy of the page allows none. */
export const START_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hoop gateway</title>
<main>
<h1>Hoop gateway</h1>
<p>This gateway is running. Use it from a terminal:</p>
<pre>hoop login --api-url THIS-ADDRESS
hoop admin get connections
hoop connect NAME</pre>
<ul>
<li><a href="api/openapiv3.json">The API as an OpenAPI document</a></li>
<li><a href="api/healthz">Is it alive</a>, <a href="api/readyz">is it ready</a></li>
</ul>
</main>
</html>
`;

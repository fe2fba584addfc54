// Parses Kusto queries with Kusto's own parser and prints what it objects to, a line each: node kusto.cjs FOLDER QUERY...
// FOLDER holds node_modules/@kusto/language-service-next. Tables and columns are not known to it, so only syntax is checked.
"use strict";
const fs = require("fs");
const path = require("path");
const [folder, ...queries] = process.argv.slice(2);
const home = path.join(path.resolve(folder), "node_modules", "@kusto", "language-service-next");
require(path.join(home, "bridge.js"));
require(path.join(home, "Kusto.Language.Bridge.js"));
const code = globalThis.Kusto.Language.KustoCode;
for (const file of queries) {
  const text = fs.readFileSync(file, "utf8");
  const parsed = code.Parse(text);
  const wrong = parsed.GetSyntaxDiagnostics();
  for (let index = 0; index < wrong.Count; index += 1) {
    const one = wrong.getItem(index);
    console.log(`${file}: ${one.Message} at ${JSON.stringify(text.substr(one.Start, 60))}`);
  }
  console.log(`parsed ${parsed.Syntax.toString().length} of ${text.length}`);
}

// The page: data in, the worker's posteriors out as a table, plots and a file.
const $ = (id) => document.getElementById(id);
const mostRows = 200; // data sets in the table; the download has all

let worker = null;
let info = null;
let results = null; // {posteriors, by}

function say(text) { $("status").textContent = text; }

function showError(text) {
  $("error").textContent = text;
  $("error").hidden = !text;
}

// The columns that a CSV's header names; none for JSON.
function headerColumns(text) {
  const line = text.split(/\r?\n/).find((one) => one.trim() && !one.startsWith("#")) ?? "";
  if (/^\s*[[{]/.test(line)) return [];
  const separator = line.includes(",") ? "," : line.includes(";") ? ";" : "\t";
  return line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")).filter((cell) => cell);
}

function offerColumns() {
  const chosen = $("by").value, columns = headerColumns($("text").value);
  const options = columns.map((name) => new Option(name, name));
  $("by").replaceChildren(new Option("none: all rows are one data set", ""), ...options);
  if (columns.includes(chosen)) $("by").value = chosen;
  $("by").disabled = columns.length === 0;
}

async function takeFile(file) {
  if (!file) return;
  $("text").value = await file.text();
  offerColumns();
  showError("");
  say(`Read ${file.name}. Choose the column that tells data sets apart, if there is one, then draw.`);
}

// Whether a column of the draws is a parameter's (or, else, a derived quantity's).
function isParameter(column) {
  const name = column.split(".")[0];
  return info.parameters.some((parameter) => parameter.name === name);
}

function cell(name, text, attributes = {}) {
  const node = document.createElement(name);
  node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function showTable() {
  const {posteriors, by} = results;
  const head = document.createElement("thead"), titles = document.createElement("tr");
  titles.append(cell("th", by || "data", {scope: "col", class: "text"}),
                cell("th", "parameter", {scope: "col", class: "text"}),
    ...["mean", "sd", "5%", "50%", "95%"].map((title) => cell("th", title, {scope: "col"})),
    cell("th", "verdict", {scope: "col", class: "text"}));
  head.append(titles);
  const bodies = posteriors.slice(0, mostRows).map((posterior) => {
    const body = document.createElement("tbody");
    const columns = posterior.columns.map((column, i) => [column, i]).filter(([column]) => isParameter(column));
    columns.forEach(([column, i], k) => {
      const row = document.createElement("tr");
      if (k === 0) row.append(cell("th", posterior.label, {scope: "rowgroup", rowspan: columns.length, class: "text"}));
      row.append(cell("th", column, {scope: "row", class: "text"}));
      for (let j = 0; j < 5; ++j) row.append(cell("td", formatNumber(posterior.summaries[5 * i + j])));
      if (k === 0)
        row.append(cell("td", posterior.verdict,
                        {rowspan: columns.length, class: posterior.fine ? "text" : "text warning"}));
      body.append(row);
    });
    return body;
  });
  const rows = posteriors[0].rows, more = posteriors.length > mostRows ? `; the first ${mostRows} are shown` : "";
  const sets = posteriors.length === 1 ? "set" : "sets";
  const caption = cell("caption", `${posteriors.length} data ${sets}, ${rows} draws each${more}`);
  $("table").replaceChildren(caption, head, ...bodies);
}

function column(posterior, i) {
  return Float64Array.from({length: posterior.rows}, (_, row) => posterior.draws[row * posterior.columns.length + i]);
}

function showPlots() {
  const {posteriors} = results, shown = Number($("shown").value), main = posteriors[shown];
  const parameters = main.columns.map((name, i) => [name, i]).filter(([name]) => isParameter(name));
  // With many data sets the thin lines would be a grey area: the first few and the one in front are enough.
  const others = posteriors.map((one, i) => i).filter((i) => i === shown || i < 40);
  $("densities").replaceChildren(...parameters.slice(0, 24).map(([name, i]) => {
    const curves = others.map((k) => (i < posteriors[k].columns.length ? density(column(posteriors[k], i)) : null));
    return densityPlot(name, curves, others.indexOf(shown));
  }));
  $("pairs").replaceChildren(pairsPlot(parameters.map(([name]) => name), parameters.map(([, i]) => column(main, i))));
}

// As `sibyl sample -o draws.csv` writes it.
function drawsAsCsv() {
  const {posteriors, by} = results, labelled = by || posteriors.length > 1;
  const quote = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const number = (value) =>
    Number.isNaN(value) ? "nan" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value);
  const parts = [(labelled ? [quote(by || "set")] : []).concat(posteriors[0].columns).join(",") + "\n"];
  for (const posterior of posteriors) {
    const width = posterior.columns.length, label = labelled ? quote(posterior.label) + "," : "";
    for (let row = 0; row < posterior.rows; ++row)
      parts.push(label + Array.from(posterior.draws.subarray(row * width, (row + 1) * width), number).join(",") + "\n");
  }
  return new Blob(parts, {type: "text/csv"});
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(drawsAsCsv());
  link.download = `${info.name}_draws.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function showResult(message) {
  results = {posteriors: message.posteriors, by: results.by};
  $("notes").replaceChildren(...message.notes.map((note) => cell("li", note)));
  $("shown").replaceChildren(...message.posteriors.map((posterior, i) => new Option(posterior.label, i)));
  $("results").hidden = false;
  showTable();
  showPlots();
  const unusual = message.posteriors.filter((posterior) => !posterior.fine).length;
  say(`Drew ${message.posteriors[0].rows} times for ${message.posteriors.length} data ` +
    `${message.posteriors.length === 1 ? "set" : "sets"} in ${message.seconds.toFixed(1)} seconds. ` +
    (unusual ? `${unusual} with a warning as verdict.` : "All verdicts are fine."));
}

function describeModel() {
  const list = (variables) => variables.map((one) => `${one.name} (${one.type})`).join(", ");
  const observed = info.data.filter((one) => one.observed), given = info.data.filter((one) => !one.observed);
  $("parameters").textContent = info.parameters.map((one) => one.name).join(", ");
  $("needs").textContent = `The data give ${list(observed)}` + (given.length ? `, and ${list(given)}` : "") +
    ". In a CSV a vector is a column and a size is the number of rows.";
  $("model").textContent = info.text;
  $("version").textContent = `Sibyl ${info.version}`;
}

function receive({data: message}) {
  $("run").disabled = false;
  $("form").removeAttribute("aria-busy");
  if (message.kind === "ready") {
    info = message.info;
    describeModel();
    say("Ready for data.");
  } else if (message.kind === "result") {
    showResult(message);
  } else {
    say("");
    showError(message.message);
  }
}

function run(event) {
  event.preventDefault();
  showError("");
  $("run").disabled = true;
  $("form").setAttribute("aria-busy", "true");
  say("Drawing.");
  results = {posteriors: [], by: $("by").value};
  worker.postMessage({kind: "sample", text: $("text").value, by: results.by, draws: $("draws").valueAsNumber,
                      seed: $("seed").valueAsNumber});
}

async function start() {
  const packed = Uint8Array.from(atob($("module").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = await new Response(stream).arrayBuffer();
  worker = new Worker(URL.createObjectURL(new Blob([$("worker").textContent], {type: "text/javascript"})));
  worker.onmessage = receive;
  worker.onerror = (event) => showError(`internal error: ${event.message}`);
  worker.postMessage({kind: "start", bytes}, [bytes]);
}

$("form").addEventListener("submit", run);
$("text").addEventListener("input", offerColumns);
$("file").addEventListener("change", () => takeFile($("file").files[0]));
$("shown").addEventListener("change", showPlots);
$("download").addEventListener("click", download);
for (const kind of ["dragover", "dragleave", "drop"])
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") takeFile(event.dataTransfer.files[0]);
  });
offerColumns();
start().catch((error) => showError(`The sampler cannot start in this browser: ${error.message}`));

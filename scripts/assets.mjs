// Copies the browser parts we use from node_modules into the package (static/vendor/, git-ignored).
// Run by `npm run assets`, after `npm ci`. Fails with one sentence when something is missing.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const vendor = join(root, "src/wenguo/web/static/vendor");

const copies = [
  ["@tabler/core/dist/css/tabler.min.css", "tabler.css"],
  ["htmx.org/dist/htmx.min.js", "htmx.js"],
  ["echarts/dist/echarts.min.js", "echarts.js"],
];

function fail(sentence) {
  console.error(`assets: ${sentence}`);
  process.exit(1);
}

function read(path) {
  const from = join(modules, path);
  if (!existsSync(from)) fail(`node_modules/${path} 不存在，请先运行 npm ci (is missing; run npm ci first)`);
  return readFileSync(from);
}

function write(name, bytes) {
  writeFileSync(join(vendor, name), bytes);
  writeFileSync(join(vendor, `${name}.gz`), gzipSync(bytes, { level: 9 })); // whitenoise sends the neighbour
}

// Every outline icon as `name<TAB>inner SVG`; the server writes icons into the page, so browsers never load this file.
function icons() {
  const nodes = JSON.parse(read("@tabler/icons/tabler-nodes-outline.json"));
  const escape = (value) => String(value).replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
  const draw = ([tag, attributes]) =>
    `<${tag}${Object.entries(attributes).map(([k, v]) => ` ${k}="${escape(v)}"`).join("")}/>`;
  return Object.entries(nodes).map(([name, parts]) => `${name}\t${parts.map(draw).join("")}`).join("\n") + "\n";
}

const files = copies.map(([from, to]) => {
  let bytes = read(from);
  // The maps are not copied; without this line browsers do not ask for them.
  bytes = Buffer.from(bytes.toString("utf8").replace(/\n?\/[/*]# sourceMappingURL=.*$/gm, ""), "utf8");
  return [to, bytes];
});
const drawn = icons();

rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor, { recursive: true });
for (const [name, bytes] of files) write(name, bytes);
writeFileSync(join(vendor, "icons.txt"), drawn);
console.log(`assets: ${files.length} files, ${drawn.split("\n").length - 1} icons -> static/vendor`);

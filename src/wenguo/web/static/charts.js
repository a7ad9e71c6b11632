// Draws <div data-chart="kind" data-from="id of the JSON block"> with our colours. The figures stand as a table below
// each chart (macro ui.chart), so that nothing is lost without script, on a screen reader, or in print.
//
// data = {x: [labels], x_name?, unit?: [of one, of several], y?: axis title, percent?: true (values are shares 0 … 1),
//         series: [{name, values: [number|null], hrefs?: [address|null], color?: 1 … 8 or a token such as "l1", kind?: "line"|"bar", dashed?, quiet?}],
//         band?: {name, low: [], high: []}, lines?: [{name, at: value}], marks?: [{x, words}], cells?: [[xi, yi, value, href?]], ys?: []}
// kinds: line, area, bar (columns), bars (lying, for long names), stack, pareto, donut, heat.
(() => {
  const { say } = window.wenguo || { say: () => "" };
  const charts = new Map();
  const style = () => getComputedStyle(document.documentElement);
  const rem = () => parseFloat(style().fontSize);
  const token = (name) => style().getPropertyValue(`--${name}`).trim();

  function words(value, data) {
    if (value === null || value === undefined || Number.isNaN(value)) return "—";
    const lang = document.documentElement.lang;
    const text = data.percent ? `${(value * 100).toLocaleString(lang, { maximumFractionDigits: 1 })}%`
      : Number(value).toLocaleString(lang, { maximumFractionDigits: 2 });
    return data.unit && !data.percent ? `${text} ${data.unit[value === 1 ? 0 : 1]}` : text;
  }

  const named = (data) => data.series.every((s) => data.x?.includes(s.name)); // each stands above its own name

  function frame(data, small) {
    const size = small * 0.75;
    const text = { color: token("ink-2"), fontSize: size };
    return {
      animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 250,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: size },
      color: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => token(`c${n}`)),
      grid: { left: 4, right: small, top: small * 2.25, bottom: 2, containLabel: true },
      legend: (data.series?.length > 1 && !named(data)) || data.band ? { type: "scroll", top: 0, left: 0, itemWidth: small, itemHeight: small * 0.5, icon: "roundRect", textStyle: text } : undefined,
      tooltip: { // drawn on the canvas: the page allows no inline style
        trigger: "axis", renderMode: "richText", confine: true,
        backgroundColor: token("paper"), borderColor: token("line-2"), borderWidth: 1,
        textStyle: { color: token("ink"), fontSize: size, fontFamily: getComputedStyle(document.body).fontFamily },
      },
      aria: { enabled: true },
    };
  }
  const category = (data, small, more = {}) => ({
    type: "category", data: data.x, axisTick: { show: false }, axisLine: { lineStyle: { color: token("line-2") } },
    axisLabel: { color: token("ink-2"), fontSize: small * 0.75, hideOverlap: true, showMinLabel: true, showMaxLabel: true, ...(more.boundaryGap === false && { alignMinLabel: "left", alignMaxLabel: "right" }) }, ...more,
  });
  const whole = (data) => (data.series ?? []).every((s) => s.values.every((v) => v === null || Number.isInteger(v)));
  const values = (data, small, more = {}) => ({
    type: "value", minInterval: whole(data) && !data.percent ? 1 : 0, name: data.y || "", nameLocation: "end", nameTextStyle: { color: token("ink-3"), fontSize: small * 0.75, align: "left" },
    splitLine: { lineStyle: { color: token("line") } },
    axisLabel: { color: token("ink-3"), fontSize: small * 0.75, formatter: (v) => (data.percent ? `${Math.round(v * 100)}%` : v.toLocaleString()) }, ...more,
  });
  const points = (series) => series.values.map((value, i) => (series.hrefs?.[i] ? { value, href: series.hrefs[i], cursor: "pointer" } : { value, cursor: "default" }));

  function seriesOf(kind, data) {
    const list = data.series.map((s, i) => {
      const color = token(/^\d*$/.test(s.color ?? "") ? `c${s.color || i + 1}` : s.color);
      const as = s.kind || (kind === "line" || kind === "area" ? "line" : "bar");
      const base = { name: s.name, type: as, data: points(s), itemStyle: { color }, emphasis: { focus: data.series.length > 1 ? "series" : "none" } };
      if (as === "line") {
        return { ...base, symbol: "circle", symbolSize: 6, showSymbol: s.values.length <= 40, connectNulls: false,
          lineStyle: { color, width: s.quiet ? 1 : 2, type: s.dashed ? "dashed" : "solid" }, areaStyle: kind === "area" ? { color, opacity: 0.12 } : undefined };
      }
      return { ...base, barMaxWidth: 28, stack: kind === "stack" ? "all" : undefined,
        itemStyle: { color, borderRadius: kind === "stack" ? 0 : kind === "bars" ? [0, 2, 2, 0] : [2, 2, 0, 0] },
        label: kind === "bars" && data.series.length === 1 ? { show: true, position: "right", color: token("ink-2"), formatter: (p) => words(p.value, data) } : undefined };
    });
    if (data.band) { // the range one expects, e.g. a 95 % interval
      const shade = token("c1");
      const none = { type: "line", stack: "band", symbol: "none", lineStyle: { opacity: 0 }, silent: true, tooltip: { show: false } };
      list.unshift({ ...none, name: "", data: data.band.low, legendHoverLink: false },
        { ...none, name: data.band.name, data: data.band.high.map((h, i) => (h === null ? null : h - data.band.low[i])), areaStyle: { color: shade, opacity: 0.14 }, itemStyle: { color: shade, opacity: 0.3 } });
    }
    const first = list.find((s) => !s.stack || s.stack !== "band");
    if (data.lines?.length && first) {
      first.markLine = { symbol: "none", silent: true, lineStyle: { color: token("ink-3"), type: "dashed" }, label: { color: token("ink-2"), formatter: "{b}", position: "insideEndTop" },
        data: data.lines.map((l) => ({ name: l.name, [kind === "bars" ? "xAxis" : "yAxis"]: l.at })) };
    }
    if (data.marks?.length && first) {
      first.markPoint = { symbol: "circle", symbolSize: 10, itemStyle: { color: token("l1") }, label: { show: true, position: "top", color: token("due"), formatter: (p) => p.name },
        data: data.marks.map((m) => ({ name: m.words, xAxis: m.x, yAxis: data.series[0].values[data.x.indexOf(m.x)] })) };
    }
    return list;
  }

  function pareto(data) {
    const [first] = data.series;
    const total = first.values.reduce((a, b) => a + b, 0) || 1;
    let sum = 0;
    return { ...data, share: first.values.map((v) => (sum += v) / total) };
  }

  function option(kind, data, room) {
    const small = rem();
    const base = frame(data, small);
    const show = (v) => words(v, data);
    if (base.tooltip) base.tooltip.valueFormatter = show;
    if (kind === "donut") {
      const [s] = data.series;
      return { ...base, legend: { orient: "vertical", right: 0, top: "middle", icon: "circle", textStyle: { color: token("ink-2"), fontSize: small * 0.75 } },
        tooltip: { ...base.tooltip, trigger: "item" },
        series: [{ type: "pie", radius: ["52%", "78%"], center: ["35%", "50%"], itemStyle: { borderColor: token("paper"), borderWidth: 2 }, label: { show: false },
          data: s.values.map((value, i) => ({ value, name: data.x[i], href: s.hrefs?.[i], itemStyle: s.colors ? { color: token(`c${s.colors[i]}`) } : undefined })) }] };
    }
    if (kind === "heat") {
      const top = Math.max(1, ...data.cells.map((c) => c[2]));
      return { ...base, legend: undefined, grid: { ...base.grid, top: 4, bottom: small * 3 }, tooltip: { ...base.tooltip, trigger: "item", formatter: (p) => `${data.ys[p.value[1]]} · ${data.x[p.value[0]]}\n${show(p.value[2])}` },
        xAxis: category(data, small, { splitArea: { show: false } }), yAxis: { ...category({ x: data.ys }, small), axisLine: { show: false } },
        visualMap: { min: 0, max: top, calculable: false, orient: "horizontal", left: 0, bottom: 0, itemWidth: small * 0.75, itemHeight: small * 6, text: [show(top), "0"], textStyle: { color: token("ink-2") }, inRange: { color: [token("sunk"), token("c1")] } },
        series: [{ type: "heatmap", data: data.cells.map(([x, y, v, href]) => ({ value: [x, y, v], href })), itemStyle: { borderColor: token("paper"), borderWidth: 2 } }] };
    }
    if (kind === "pareto") {
      const p = pareto(data);
      if (room / data.x.length < small * 4) { // too narrow for names side by side: lying, the cumulative share in words
        const rows = { ...data, series: [{ ...data.series[0], values: data.series[0].values.slice(0, 10) }], x: data.x.slice(0, 10) }; // the table has all
        const lying = option("bars", rows, room);
        lying.series[0].label = { ...lying.series[0].label, show: true, formatter: (mark) => `${show(mark.value)} · ${Math.round(p.share[mark.dataIndex] * 100)}%` };
        return { ...lying, grid: { ...lying.grid, right: small * 7 } };
      }
      const shares = { name: say("cumulative"), type: "line", yAxisIndex: 1, data: p.share, symbol: "circle", symbolSize: 6, lineStyle: { color: token("c2") }, itemStyle: { color: token("c2") }, tooltip: { valueFormatter: (v) => `${Math.round(v * 100)}%` } };
      return { ...base, legend: { top: 0, left: 0, itemWidth: small, itemHeight: small * 0.5, textStyle: { color: token("ink-2"), fontSize: small * 0.75 } }, xAxis: category(data, small, { axisLabel: { interval: 0, color: token("ink-2"), fontSize: small * 0.75, width: Math.max(small * 2, (room - small * 6) / data.x.length - 4), overflow: "break" } }),
        yAxis: [values(data, small), { type: "value", min: 0, max: 1, splitLine: { show: false }, axisLabel: { color: token("ink-3"), formatter: (v) => `${Math.round(v * 100)}%` } }],
        series: [...seriesOf("bar", data), shares] };
    }
    const lying = kind === "bars";
    const along = kind === "line" || kind === "area"; // its ends stand at the edges
    const label = { interval: 0, color: token("ink-2"), fontSize: small * 0.75, ...(along && { alignMinLabel: "left", alignMaxLabel: "right" }) };
    const figures = data.x.every((name) => /^[\d.,%–/: -]+$/.test(name)); // 0.05–0.07 is not torn
    const few = data.x.length <= 8 && (figures ? { ...label, hideOverlap: true } : { ...label, width: (room - small * 4) / data.x.length - 4, overflow: "break", formatter: (name) => (room / data.x.length < small * 7 ? name.split(/（| \(/)[0] : name) });
    const names = category(data, small, lying ? { inverse: true, axisLine: { show: false }, axisLabel: { color: token("ink"), fontSize: small * 0.75, width: small * 8, overflow: "truncate" } } : { boundaryGap: !along, ...(few && { axisLabel: few }) });
    const amounts = values(data, small, lying ? { axisLabel: { show: false }, splitLine: { show: false }, name: "" } : {});
    const grid = { ...base.grid, left: lying ? small : 4, top: (base.legend ? small * 2 : small * 0.5) + (lying || !data.y ? 0 : small * 1.5), right: lying ? small * 4 : small * 0.75 };
    return { ...base, grid: lying && !base.legend ? { ...grid, top: 0 } : grid, legend: base.legend && { ...base.legend, data: [...data.series.map((s) => s.name), ...(data.band ? [data.band.name] : [])] },
      tooltip: { ...base.tooltip, axisPointer: { type: kind === "line" || kind === "area" ? "line" : "shadow", shadowStyle: { color: token("ink"), opacity: 0.05 } } },
      xAxis: lying ? amounts : names, yAxis: lying ? names : amounts, series: seriesOf(kind, data) };
  }

  function draw(box) {
    const source = document.getElementById(box.dataset.from);
    if (!source || !window.echarts) return;
    const data = JSON.parse(source.textContent);
    const nothing = !(data.cells?.length || data.series?.some((s) => s.values?.some((v) => v !== null)));
    if (nothing) { box.textContent = say("nodata"); box.classList.add("quiet"); return; }
    let chart = charts.get(box);
    if (!chart) {
      chart = echarts.init(box, null, { renderer: "canvas" });
      charts.set(box, chart);
      chart.on("click", (mark) => { const href = mark.data?.href; if (href) location.href = href; });
      new ResizeObserver(() => chart.resize()).observe(box);
    }
    chart.setOption(option(box.dataset.chart, data, box.clientWidth), true);
  }
  const all = () => {
    for (const [box, chart] of charts) if (!box.isConnected) { chart.dispose(); charts.delete(box); }
    document.querySelectorAll("[data-chart]").forEach(draw);
  };
  all();
  document.addEventListener("wenguo:theme", all);
  document.addEventListener("htmx:afterSettle", all);
  addEventListener("beforeprint", () => charts.forEach((chart) => chart.resize()));
})();

// The style and the script of the documentation page: files of their own, because the content security
// policy allows nothing in line and nothing from elsewhere.

enum DocsAssets {
  static let style = """
    :root{color-scheme:light dark;--ink:#1c2024;--soft:#5b6470;--line:#dfe3e8;--page:#fff;--card:#f6f7f9;\
    --accent:#0b6e4f;--code:#f1f3f5;--get:#0b6e4f;--post:#1d4ed8;--put:#9a5b00;--delete:#b42318}
    @media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4b1;--line:#2d333b;--page:#14171a;\
    --card:#1b1f24;--accent:#5fd0a5;--code:#20252b;--get:#5fd0a5;--post:#8ab4f8;--put:#e5b567;\
    --delete:#ff8a80}}
    *{box-sizing:border-box}
    html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,\
    "Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
    a{color:var(--accent);text-decoration:none}
    a:hover{text-decoration:underline}
    :focus-visible{outline:2px solid var(--accent);outline-offset:2px}
    code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;\
    font-size:.9em}
    code{background:var(--code);border-radius:4px;padding:.1em .3em;overflow-wrap:anywhere}
    pre{position:relative;margin:.5rem 0;padding:.8rem 1rem;background:var(--code);\
    border:1px solid var(--line);border-radius:8px;overflow-x:auto;line-height:1.5}
    pre code{background:none;padding:0;overflow-wrap:normal;white-space:pre-wrap;word-break:break-word}
    h1{font-size:2rem;line-height:1.2;margin:.2rem 0 .6rem;letter-spacing:-.02em}
    h2{font-size:1.35rem;margin:2.4rem 0 .8rem;padding-bottom:.35rem;border-bottom:1px solid var(--line)}
    h4{margin:1.1rem 0 .3rem;font-size:.78rem;text-transform:uppercase;letter-spacing:.06em;\
    color:var(--soft)}
    .lead{font-size:1.06rem;color:var(--soft);max-width:44rem}
    aside{padding:1rem 1.1rem;background:var(--card);border-bottom:1px solid var(--line)}
    .brand{margin:0 0 .6rem;font-weight:700;font-size:1.15rem}
    .brand small{font-weight:400;color:var(--soft);margin-left:.3rem}
    #find{width:100%;font:inherit;padding:.5rem .7rem;margin:0 0 .6rem;border:1px solid var(--line);\
    border-radius:8px;background:var(--page);color:inherit}
    .menu>summary{cursor:pointer;color:var(--soft);padding:.3rem 0}
    nav{max-height:60vh;overflow-y:auto}
    nav>a{display:block;padding:.2rem 0}
    nav h3{font-size:.78rem;text-transform:uppercase;letter-spacing:.06em;margin:1rem 0 .25rem}
    nav h3 a{color:var(--soft)}
    nav ul{list-style:none;margin:0;padding:0}
    nav li a{display:flex;gap:.5rem;align-items:baseline;padding:.22rem 0;color:var(--ink);font-size:.86rem}
    nav li span{overflow-wrap:anywhere}
    nav .method{min-width:3.1rem;font-size:.66rem;padding:.05rem 0}
    main{padding:1.2rem 1.1rem 4rem;max-width:76rem}
    .method{display:inline-block;flex:none;min-width:4.1rem;text-align:center;font:700 .74rem/1.5 \
    ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;border:1px solid currentColor;\
    border-radius:5px;padding:.08rem .3rem;color:var(--soft)}
    .get{color:var(--get)}.post{color:var(--post)}.put,.patch{color:var(--put)}.delete{color:var(--delete)}
    .operation{scroll-margin-top:.6rem;border:1px solid var(--line);border-radius:10px;margin:.55rem 0;background:var(--page)}
    .operation[open]{background:var(--card)}
    .operation>summary{display:flex;flex-wrap:wrap;gap:.35rem .7rem;align-items:center;cursor:pointer;\
    padding:.6rem .8rem;list-style:none}
    .operation>summary::-webkit-details-marker{display:none}
    .operation>summary:hover{background:var(--card);border-radius:10px}
    .path{background:none;padding:0;font-weight:600;font-size:.92rem}
    .summary{color:var(--soft);flex:1 1 16rem;min-width:0}
    .body{display:grid;grid-template-columns:minmax(0,1fr);gap:0 1.6rem;padding:.1rem .9rem 1rem;\
    border-top:1px solid var(--line);scroll-margin-top:5rem}
    .who{margin:.8rem 0 0;display:flex;gap:.6rem;flex-wrap:wrap;align-items:center}
    .caller{border:1px solid var(--line);border-radius:99px;padding:.05rem .65rem;font-size:.85rem;\
    background:var(--page)}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-size:.9rem}
    td{padding:.34rem .8rem .34rem 0;border-bottom:1px solid var(--line);vertical-align:top}
    tr:last-child td{border-bottom:0}
    tr:target{background:var(--code)}
    td:first-child{width:46%}
    #errors td:first-child,#errors td:nth-child(2){width:1%;white-space:nowrap}
    em{font-style:normal;font-size:.74rem;color:var(--delete)}
    .note{color:var(--soft);display:block}
    .codes{display:flex;flex-wrap:wrap;gap:.35rem;margin:.2rem 0}
    .codes a{font:.8rem/1.6 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;\
    border:1px solid var(--line);border-radius:5px;padding:0 .4rem;background:var(--page);color:var(--ink)}
    .notes{display:grid;grid-template-columns:minmax(0,1fr);gap:.2rem 1.2rem;margin:0}
    .notes dt{font-weight:600;margin-top:.5rem}.notes dd{margin:0;color:var(--soft)}
    .copy{position:absolute;top:.45rem;right:.45rem;font:inherit;font-size:.78rem;padding:.15rem .6rem;\
    border:1px solid var(--line);border-radius:6px;background:var(--page);color:var(--ink);cursor:pointer}
    [hidden]{display:none!important}
    @media (min-width:44rem){.notes{grid-template-columns:9rem minmax(0,1fr)}.notes dt{margin:0}\
    .notes dd{margin-bottom:.5rem}}
    @media (min-width:64rem){body{display:grid;grid-template-columns:20rem minmax(0,1fr)}\
    aside{position:sticky;top:0;height:100vh;overflow-y:auto;border:0;border-right:1px solid var(--line)}\
    nav{max-height:none;overflow:visible}.menu>summary{display:none}main{padding:2rem 2.6rem 6rem}}
    @media (min-width:80rem){.body{grid-template-columns:minmax(0,1.15fr) minmax(0,1fr)}\
    .try{position:sticky;top:1rem;align-self:start}}
    @media (max-width:30rem){td:first-child{width:56%}td{padding-right:.5rem}}
    @media print{aside,.copy{display:none}}

    """

  static let script = """
    "use strict";
    // Finds operations, copies commands, opens what a link points to, and names this server.
    const find = document.getElementById("find");
    const menu = document.querySelector(".menu");
    if (matchMedia("(max-width:63.99rem)").matches) menu.open = false;
    find.hidden = false;
    find.addEventListener("input", () => {
      const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
      for (const part of document.querySelectorAll("[data-find]")) {
        part.hidden = !words.every((word) => part.dataset.find.includes(word));
      }
      for (const part of document.querySelectorAll("main section, nav ul")) {
        const kept = part.querySelectorAll("[data-find]");
        const none = kept.length > 0 && [...kept].every((one) => one.hidden);
        part.hidden = none || (words.length > 0 && kept.length === 0);
        const heading = part.previousElementSibling;
        if (part.tagName === "UL" && heading) heading.hidden = none;
      }
      if (words.length) menu.open = true;
    });
    for (const code of document.querySelectorAll("pre code")) {
      code.textContent = code.textContent.replace(/export SOUK=\\S+/, "export SOUK=" + location.origin);
      const button = document.createElement("button");
      button.className = "copy";
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      if (navigator.clipboard) code.parentElement.append(button);
    }
    const reveal = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const around = target && target.closest(".operation");
      if (around) { around.open = true; around.scrollIntoView(); }
    };
    addEventListener("hashchange", reveal);
    reveal();

    """
}

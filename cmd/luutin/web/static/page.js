// The pages can be read without this: it remembers light or dark, and follows
// a crawl.
(function () {
  "use strict";
  var root = document.documentElement;
  var kept = null;
  try { kept = localStorage.getItem("theme"); } catch (e) { /* no storage: the system decides */ }
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  document.addEventListener("DOMContentLoaded", function () {
    var b = document.getElementById("theme");
    if (b) {
      b.hidden = false;
      b.addEventListener("click", function () {
        var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
        root.dataset.theme = dark ? "light" : "dark";
        try { localStorage.setItem("theme", root.dataset.theme); } catch (e) { /* it lasts for this page */ }
      });
    }
    document.addEventListener("keydown", function (e) {
      var q = document.getElementById("q");
      if (e.key === "/" && q && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
        e.preventDefault();
        q.focus();
        q.select();
      }
    });
    var live = document.getElementById("live");
    if (live) setInterval(function () {
      if (document.hidden) return;
      fetch("/api/live").then(function (r) { return r.json(); }).then(function (l) {
        var list = live.querySelector("ol"), head = live.querySelector("p");
        head.textContent = l.running ? live.dataset.running.replace("{}", l.visited) : live.dataset.waiting.replace("{}", l.next ? new Date(l.next).toLocaleString(root.lang) : "–");
        list.replaceChildren.apply(list, (l.recent || []).map(function (u) {
          var li = document.createElement("li");
          li.textContent = u;
          return li;
        }));
      }).catch(function () { /* the next time */ });
    }, 2000);
  });
})();

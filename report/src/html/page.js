document.querySelectorAll(".tabs").forEach(function (box) {
  var panels = Array.from(box.children);
  var bar = document.createElement("div");
  bar.className = "buttons";
  var buttons = panels.map(function (panel, k) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = panel.dataset.name;
    button.onclick = function () { show(k); };
    bar.appendChild(button);
    return button;
  });
  function show(k) {
    panels.forEach(function (panel, i) { panel.classList.toggle("on", i === k); });
    buttons.forEach(function (button, i) { button.setAttribute("aria-pressed", String(i === k)); });
  }
  box.classList.add("live");
  box.insertBefore(bar, panels[0]);
  show(0);
});

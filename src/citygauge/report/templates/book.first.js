(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  if (matchMedia("(max-width: 63.99rem)").matches) document.getElementById("contents").open = false;
})();

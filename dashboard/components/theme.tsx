"use client";

import { useState } from "react";
import { THEMES, type Theme } from "@/lib/themes";

/** Choose light, dark or what the machine is set to; kept in a cookie of this browser, so that the next page is drawn right at once. */
export function ThemeChoice({ initial }: Readonly<{ initial: Theme }>) {
  const [theme, setTheme] = useState<Theme>(initial);
  const choose = (chosen: Theme): void => {
    setTheme(chosen);
    if (chosen === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
    document.cookie = `theme=${chosen}; path=/; max-age=31536000; samesite=strict`;
  };
  return (
    <label className="flex items-center gap-1.5 text-xs text-muted">
      Theme
      <select value={theme} onChange={(event) => choose(THEMES.find((one) => one === event.target.value) ?? "system")}
        className="rounded border border-line bg-surface px-1.5 py-0.5 text-text">
        {THEMES.map((one) => <option key={one} value={one}>{one}</option>)}
      </select>
    </label>
  );
}

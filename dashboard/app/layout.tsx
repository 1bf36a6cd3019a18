import type { Metadata, Viewport } from "next";
import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { THEMES } from "@/lib/themes";
import "./globals.css";

export const metadata: Metadata = { title: { default: "Escapement", template: "%s · Escapement" }, robots: { index: false } };
export const viewport: Viewport = { width: "device-width", initialScale: 1 };
export const dynamic = "force-dynamic";

export default async function Root({ children }: Readonly<{ children: ReactNode }>) {
  const chosen = (await cookies()).get("theme")?.value;
  const theme = THEMES.find((one) => one === chosen) ?? "system";
  return (
    <html lang="en" {...(theme === "system" ? {} : { "data-theme": theme })} suppressHydrationWarning>
      <body>
        <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:left-2 focus:top-2 focus:z-10 focus:rounded focus:bg-surface focus:p-2">
          Skip to the content
        </a>
        {children}
      </body>
    </html>
  );
}

import type { NextConfig } from "next";

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  productionBrowserSourceMaps: false,
  compress: true,
  // libsql is a native module: it is loaded from node_modules at run time, never bundled.
  serverExternalPackages: ["libsql"],
  // Nothing here needs the image optimiser, and an optimiser that fetches addresses is a door.
  images: { unoptimized: true },
  outputFileTracingRoot: import.meta.dirname,
  turbopack: { root: import.meta.dirname },
};

export default config;

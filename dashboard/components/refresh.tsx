"use client";

import { useRouter } from "next/navigation";
import { useEffect } from "react";

/** Ask for the page anew every so often, quietly; never while it is hidden, at once when it is seen again, never over a field in use. */
export function Refresh({ seconds }: Readonly<{ seconds: number }>) {
  const router = useRouter();
  useEffect(() => {
    let newest = Date.now();
    const renew = (): void => {
      const writing = document.activeElement?.tagName === "INPUT";
      if (document.hidden || writing || Date.now() - newest < seconds * 900) return;
      newest = Date.now();
      router.refresh();
    };
    const timer = setInterval(renew, seconds * 1000);
    document.addEventListener("visibilitychange", renew);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", renew);
    };
  }, [router, seconds]);
  return null;
}

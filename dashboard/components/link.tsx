"use client";

import { useRouter } from "next/navigation";
import type { ComponentProps, MouseEvent } from "react";

/** A link within the board. It turns the page without loading it anew, reads nothing ahead, and is a plain link without JavaScript. */
export default function Link({ href, scroll = true, onClick, ...rest }: Readonly<ComponentProps<"a"> & { href: string; scroll?: boolean }>) {
  const router = useRouter();
  const go = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    // Another window, a file, another button of the mouse: the browser knows best.
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain || rest.target !== undefined || rest.download !== undefined) return;
    event.preventDefault();
    router.push(href, { scroll });
  };
  return <a href={href} onClick={go} {...rest} />;
}

import Link from "@/components/link";
import { pathOf } from "@/lib/pages";
import { desks } from "@/lib/store";

/** An address that is no page here: what to do, which desks there are, and nothing else. */
export default async function NotFound() {
  const homes = await desks();
  return (
    <main id="content" className="mx-auto max-w-2xl px-4 pt-16">
      <h1 className="mb-2">There is no such page or desk here</h1>
      <p>The address may be mistyped, or from another version of this board. Nothing is wrong with a desk because of it.</p>
      <p className="mt-4">The desks of this board:</p>
      <ul className="mt-1 flex flex-wrap gap-x-4">
        {homes.map((home) => <li key={home.name}><Link href={pathOf(home.name, "")}>{home.name}</Link></li>)}
      </ul>
    </main>
  );
}

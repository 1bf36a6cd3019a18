import { redirect } from "next/navigation";
import { AllDesks } from "@/components/all-desks";
import { pathOf } from "@/lib/pages";
import { desks } from "@/lib/store";

/** One desk: go to it. Several: all of them on one page, added up. */
export default async function Home() {
  const homes = await desks();
  if (homes.length === 1 && homes[0] !== undefined) redirect(pathOf(homes[0].name, ""));
  return <AllDesks homes={homes} />;
}

// What is shown where the server asks who this is.
import { useEffect } from "preact/hooks";
import { problem, signIn } from "../state/access";
import { Empty, Failed } from "./parts";

export function SignIn() {
  useEffect(() => void signIn(), []);
  return (
    <main>
      {problem.value
        ? <Failed what={problem.value} again={() => void signIn()} />
        : <Empty title="This server asks who you are." />}
    </main>
  );
}

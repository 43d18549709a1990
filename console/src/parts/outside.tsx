/** What somebody sees who is not signed in. */
import { Button, Content, Heading, IllustratedMessage, Provider } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { ReactNode } from "react";
import { signIn } from "../session";

export function Outside({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Provider background="base" styles={style({ minHeight: "screen", display: "flex", flexDirection: "column" })}>
      <main className={style({ margin: "auto", padding: 24 })}>
        <IllustratedMessage>
          <Heading level={1}>{title}</Heading>
          <Content>{children}</Content>
          <Button variant="accent" onPress={() => void signIn("")}>
            Sign in
          </Button>
        </IllustratedMessage>
      </main>
    </Provider>
  );
}

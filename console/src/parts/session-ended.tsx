/** Says that the session is over; signing in again leads back to the same page. */
import { Button, ButtonGroup, Content, Dialog, DialogContainer, Heading } from "@react-spectrum/s2";
import { useEffect, useState } from "react";
import { signIn } from "../session";

/** a longer time is none to a browser: its timer would ring at once */
const LONGEST = 2 ** 31 - 1;

export function SessionEnded({ ended, ends }: { ended: boolean; ends: number }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setOver(true), Math.min(Math.max(0, ends - Date.now()), LONGEST));
    return () => clearTimeout(timer);
  }, [ends]);
  return (
    <DialogContainer onDismiss={() => undefined}>
      {(ended || over) && (
        <Dialog size="S">
          <Heading slot="title">Your session has ended</Heading>
          <Content>Sign in again; you come back to this page.</Content>
          <ButtonGroup>
            <Button variant="accent" onPress={() => void signIn()}>
              Sign in
            </Button>
          </ButtonGroup>
        </Dialog>
      )}
    </DialogContainer>
  );
}

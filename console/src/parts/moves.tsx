/** Takes a document a step on: activate, trial, pause, resume, deactivate. The server says what its state forbids. */
import { AlertDialog, Button, ButtonGroup, DialogTrigger } from "@react-spectrum/s2";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "./app";
import { sayDone, sayRefused } from "./notices";

type Move = Schemas["StateChange"]["move"];
type State = Schemas["Summary"]["state"];

/** what is offered first; the others are a step away */
const OFFERED: Readonly<Record<State, readonly Move[]>> = {
  draft: ["activate"],
  validated: ["activate", "try"],
  inactive: ["activate", "try"],
  trial: ["activate", "pause", "deactivate"],
  active: ["pause", "try", "deactivate"],
  paused: ["resume", "deactivate"],
};
interface Said {
  label: string;
  done: string;
  means: string;
}

const WORDS: Readonly<Record<Move, Said>> = {
  activate: {
    label: "Activate",
    done: "It is active; webhooks notice within 30 seconds.",
    means: "It takes calls from now on, and each of them is carried out at its destination.",
  },
  try: {
    label: "Trial",
    done: "It is on trial.",
    means: "It runs for the people whom its trial names. Everybody else is skipped.",
  },
  pause: {
    label: "Pause",
    done: "It is paused.",
    means: "What comes in is kept, and nothing more is begun. Resume lets it go on, oldest first.",
  },
  resume: {
    label: "Resume",
    done: "It goes on.",
    means: "It goes on as before the pause; what was kept runs, oldest first.",
  },
  deactivate: {
    label: "Deactivate",
    done: "It is inactive.",
    means: "What comes in is recorded and not run. It can be run again later.",
  },
};
/** what is otherwise of Syncs and cycles: they have no trial, and nothing comes in */
const OTHERWISE: Readonly<Record<string, Partial<Record<Move, Said>>>> = {
  sync: {
    activate: {
      label: "Activate",
      done: "It is active.",
      means: "Its schedule starts runs from now on, and each of them writes to the destination.",
    },
    pause: {
      label: "Pause",
      done: "It is paused.",
      means: "No run begins until it is resumed. One that is at work goes on.",
    },
    resume: {
      label: "Resume",
      done: "It goes on.",
      means: "Its schedule starts runs again; the first one brings what changed meanwhile.",
    },
    deactivate: {
      label: "Deactivate",
      done: "It is inactive.",
      means: "No run begins any more. One that is at work goes on; cancel it on its page.",
    },
  },
  crm_cycle: {
    activate: {
      label: "Activate",
      done: "It is active. Its first run is started by hand.",
      means: "It looks at both systems from now on and carries changes over. Its first run is started by hand.",
    },
    pause: {
      label: "Pause",
      done: "It is paused.",
      means: "No run begins until it is resumed. One that is at work goes on.",
    },
    resume: {
      label: "Resume",
      done: "It goes on.",
      means: "Runs begin again by themselves, from where its queues were.",
    },
    deactivate: {
      label: "Deactivate",
      done: "It is inactive.",
      means: "No run begins any more. One that is at work goes on; activated again, it goes on where it was.",
    },
  },
};

function offered(kind: string, state: State): readonly [Move, Said][] {
  const otherwise = OTHERWISE[kind];
  return OFFERED[state]
    .filter((move) => !otherwise || move !== "try")
    .map((move) => [move, otherwise?.[move] ?? WORDS[move]]);
}

export function Moves({ kind, id, name, state }: { kind: string; id: string; name: string; state: State }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const may = useMay("POST /documents/{kind}/{document_id}/state");
  const moving = useMutation({
    mutationFn: ({ move }: { move: Move; said: Said }) =>
      content(
        api.POST("/documents/{kind}/{document_id}/state", {
          params: { path: { kind, document_id: id } },
          body: { move },
        }),
      ),
    onError: sayRefused,
    onSuccess: async (_, { said }) => {
      sayDone(said.done);
      await queries.invalidateQueries();
    },
  });
  if (!may) return null;
  return (
    <ButtonGroup>
      {offered(kind, state).map(([move, said], at) => (
        <DialogTrigger key={move}>
          <Button
            variant={at === 0 && (move === "activate" || move === "resume") ? "accent" : "secondary"}
            isPending={moving.isPending && moving.variables.move === move}
          >
            {said.label}
          </Button>
          <AlertDialog
            title={`${said.label}: ${name}`}
            variant={move === "deactivate" ? "warning" : "confirmation"}
            primaryActionLabel={said.label}
            cancelLabel="Cancel"
            onPrimaryAction={() => moving.mutate({ move, said })}
          >
            {said.means}
          </AlertDialog>
        </DialogTrigger>
      ))}
    </ButtonGroup>
  );
}

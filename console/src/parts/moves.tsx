/** Takes a document a step on: activate, trial, pause, resume, deactivate. The server says what its state forbids. */
import { AlertDialog, Button, ButtonGroup, DialogTrigger, ToastQueue } from "@react-spectrum/s2";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "./app";
import { findingsOf, sentence } from "./findings";

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
interface Words {
  label: string;
  done: string;
  means: string;
}
const WORDS: Readonly<Record<Move, Words>> = {
  activate: {
    label: "Activate",
    done: "It is active; webhooks notice within 30 seconds.",
    means: "Its webhook takes calls from now on, and each call writes to Salesforce.",
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

/** what is said of documents that no webhook calls */
const WORDS_OF: Readonly<Record<string, Partial<Record<Move, Partial<Words>>>>> = {
  crm_cycle: {
    activate: {
      done: "It is active. Its first run is started by hand.",
      means: "It looks at both systems from now on and carries changes over. Its first run is started by hand.",
    },
    pause: { means: "A run that is at work goes on to its end; no other one begins." },
    resume: { means: "It goes on as before the pause, from where its queues were." },
    deactivate: {
      means: "A run that is at work goes on to its end; no other one begins. Activated again, it goes on where it was.",
    },
  },
};

function wordsOf(kind: string, move: Move): Words {
  return { ...WORDS[move], ...WORDS_OF[kind]?.[move] };
}

export function Moves({ kind, id, name, state }: { kind: string; id: string; name: string; state: State }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const may = useMay("POST /documents/{kind}/{document_id}/state");
  const moving = useMutation({
    mutationFn: (move: Move) =>
      content(
        api.POST("/documents/{kind}/{document_id}/state", {
          params: { path: { kind, document_id: id } },
          body: { move },
        }),
      ),
    onError: (error) => void ToastQueue.negative(findingsOf(error).map(sentence).join(" ")),
    onSuccess: async (_, move) => {
      ToastQueue.positive(wordsOf(kind, move).done, { timeout: 8000 });
      await queries.invalidateQueries();
    },
  });
  if (!may) return null;
  // only Actions have a trial
  const offered = OFFERED[state].filter((move) => move !== "try" || kind === "action");
  return (
    <ButtonGroup>
      {offered.map((move, at) => (
        <DialogTrigger key={move}>
          <Button
            variant={at === 0 && (move === "activate" || move === "resume") ? "accent" : "secondary"}
            isPending={moving.isPending && moving.variables === move}
          >
            {wordsOf(kind, move).label}
          </Button>
          <AlertDialog
            title={`${wordsOf(kind, move).label}: ${name}`}
            variant={move === "deactivate" ? "warning" : "confirmation"}
            primaryActionLabel={wordsOf(kind, move).label}
            cancelLabel="Cancel"
            onPrimaryAction={() => moving.mutate(move)}
          >
            {wordsOf(kind, move).means}
          </AlertDialog>
        </DialogTrigger>
      ))}
    </ButtonGroup>
  );
}

/** The steps of a run in their order: which are through, and at which one it is. */
import { ProgressBar } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { Schemas } from "../../api/client";
import { counted, lasting, STEPS, stepWords } from "../words";

type Run = Schemas["CycleRunParts"];

const MARKS = { through: "done", at: "now", open: "to come" } as const;

function stands(run: Run, step: (typeof STEPS)[number]): keyof typeof MARKS {
  if (run.status === "done") return "through";
  const at = (STEPS as readonly string[]).indexOf(run.step);
  const place = STEPS.indexOf(step);
  // of a run that failed it is not told at which step
  if (at < 0) return "open";
  return place < at ? "through" : place === at ? "at" : "open";
}

function count(run: Run, step: (typeof STEPS)[number]): string {
  if (step === "read") return counted(run.rows, "record");
  if (step === "decide") return counted(run.writes, "write");
  if (step === "write") return counted(sum(run.legs), "row");
  return "";
}

function sum(parts: readonly Schemas["CyclePart"][]): number {
  return parts.reduce((found, { rows }) => found + rows, 0);
}

export function Timeline({ run }: { run: Run }) {
  const steps = run.kind === "plan" ? STEPS.filter((each) => each !== "write" && each !== "remember") : STEPS;
  return (
    <>
      <ol
        aria-label="Steps"
        className={style({
          margin: 0,
          padding: 0,
          listStyleType: "none",
          display: "flex",
          flexDirection: { default: "column", lg: "row" },
          gap: 12,
        })}
      >
        {steps.map((step) => {
          const mark = stands(run, step);
          const said = count(run, step);
          return (
            <li
              key={step}
              aria-current={mark === "at" ? "step" : undefined}
              className={style({
                flexGrow: 1,
                flexBasis: 0,
                borderTopWidth: 4,
                borderStartWidth: 0,
                borderEndWidth: 0,
                borderBottomWidth: 0,
                borderStyle: "solid",
                borderColor: { default: "gray-300", mark: { through: "positive-900", at: "accent-900" } },
                paddingTop: 8,
                display: "flex",
                flexDirection: "column",
                gap: 4,
              })({ mark })}
            >
              <strong>{stepWords(step)}</strong>
              <span className={style({ font: "body-sm" })}>
                {[MARKS[mark], mark !== "open" && said].filter(Boolean).join(" · ")}
              </span>
            </li>
          );
        })}
      </ol>
      {run.progress && <Far progress={run.progress} />}
    </>
  );
}

function Far({ progress }: { progress: NonNullable<Run["progress"]> }) {
  const { percent, part, parts, what, done, total, unit, seconds_left: left } = progress;
  const rate = progress.per_second ? `, ${progress.per_second} a second` : "";
  const rest = left === null ? "" : `, about ${lasting(left)} left of this part`;
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 8 })}>
      <ProgressBar
        label={`Part ${part} of ${parts}: ${stepWords(what)}`}
        value={percent}
        styles={style({ width: "full" })}
      />
      <span className={style({ font: "body-sm" })}>
        {total
          ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${unit}${rate}${rest}`
          : "Not begun yet"}
      </span>
    </div>
  );
}

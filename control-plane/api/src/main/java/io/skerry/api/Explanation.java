package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Why an incident was opened, from what is stored, and what the same windows say when they are
 * judged again.
 *
 * @param incident as it is now
 * @param formula of the evidence, as text
 * @param slot whose predictions were judged
 * @param windowMillis length of a window
 * @param firedBy the stream whose evidence reached the threshold, with its kind
 * @param firedIn the cohort in which it did: one label, where the incident's own may have two
 * @param point what that stream's window said; absent when the window is no longer known
 * @param effect effect sizes as they were stored, with n and intervals; all 0 with n = 0 where no
 *     counts were compared: of outcomes, and of two labels at once
 * @param evidence what was stored with the verdict; absent of an incident that a build opened which
 *     did not store it
 * @param recomputed SAME, DIFFERENT, or GONE when neither windows nor evidence are kept. Without
 *     evidence the effect sizes are not compared: the builds that stored none counted a device for
 *     all that it sent
 * @param recomputedFrom VERDICT, or WINDOWS where all that it was judged from was judged again too,
 *     or NOTHING when it is GONE
 * @param recomputedDetail the figures that were reached again, or what is missing
 * @param history the stream's windows around the onset, oldest first; empty when they are no longer
 *     known
 * @param distribution of the feature; absent when its windows are gone
 * @param correlations what moves together no more
 * @param marks what happened to the cohort's devices near the onset; first what may be the cause,
 *     nearest first, with its check
 */
public record Explanation(
    Incident incident,
    String formula,
    String slot,
    long windowMillis,
    String firedBy,
    String firedIn,
    @Nullable DriftPoint point,
    EffectMeasures effect,
    @Nullable VerdictEvidence evidence,
    String recomputed,
    String recomputedFrom,
    String recomputedDetail,
    List<DriftPoint> history,
    @Nullable Distribution distribution,
    CorrelationReport correlations,
    List<EventMark> marks) {
  public Explanation {
    history = List.copyOf(history);
    marks = List.copyOf(marks);
  }
}

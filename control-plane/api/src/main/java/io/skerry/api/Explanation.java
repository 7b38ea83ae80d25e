package io.skerry.api;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Why an incident was opened, from what is stored, and what the same windows say when they are
 * judged again.
 *
 * @param formula of the evidence, as text
 * @param windowMillis length of a window
 * @param firedBy the stream whose evidence reached the threshold, with its kind
 * @param point what that stream's window said
 * @param effect effect sizes as they were stored, with n and intervals
 * @param evidence what was stored with the verdict; absent of one that was stored before that was
 * @param recomputed SAME, DIFFERENT, or GONE when neither windows nor evidence are kept
 * @param recomputedFrom VERDICT, or WINDOWS where all that it was judged from was judged again too
 * @param recomputedDetail the figures that were reached again, or what is missing
 * @param history the stream's windows around the onset
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

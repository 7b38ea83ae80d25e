package io.skerry.control.drift;

import com.google.gson.Gson;
import io.skerry.api.EffectMeasures;
import io.skerry.api.VerdictEvidence;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.DriftEvidence;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What is stored with a verdict, so that it can be reached again whatever windows are kept. */
final class StoredEvidence {
  private static final Gson GSON = new Gson();

  private StoredEvidence() {}

  static void keep(Transaction transaction, long number, DriftEvidence evidence) {
    transaction.update(
        "update incident set evidence = ?::jsonb where number = ?", GSON.toJson(evidence), number);
  }

  /** Empty of an incident from before it was stored. */
  static Optional<DriftEvidence> of(Transaction transaction, long number) {
    return transaction
        .first(
            "select evidence::text as evidence from incident where number = ?",
            row -> row.optionalText("evidence"),
            number)
        .flatMap(json -> json)
        .map(json -> GSON.fromJson(json, DriftEvidence.class));
  }

  /** Whether it comes to the figures of the finding. */
  static boolean comesTo(DriftEvidence evidence, DriftFinding finding) {
    return evidence.logEvidence() == finding.logEvidence()
        && evidence.logThreshold() == finding.logThreshold()
        && evidence.size(finding.size().shiftSigma()).equals(finding.size());
  }

  /** What it comes to, in words. */
  static String told(DriftEvidence evidence, DriftFinding finding) {
    EffectSize size = evidence.size(finding.size().shiftSigma());
    return String.format(
        Locale.ROOT,
        "from the stored verdict: ln M %.3f of %.3f, PSI %.4f on n = %d against %d (stored %.3f of %.3f, %.4f)",
        evidence.logEvidence(),
        evidence.logThreshold(),
        size.psi().value(),
        size.observedCount(),
        size.expectedCount(),
        finding.logEvidence(),
        finding.logThreshold(),
        finding.psi());
  }

  /**
   * Whether a window that was judged again opened the same. Intervals are left out, which an
   * earlier build did not know, and who may have moved instead; and so is the whole size of an
   * effect of which no evidence is stored: the builds that stored none let a device count for all
   * that it sent. Of two labels, earlier builds set the counts beside those of one.
   */
  static boolean isSame(DriftFinding again, DriftFinding stored, boolean isEvident) {
    // Earlier builds compared no counts of outputs.
    boolean isSized = isEvident && stored.size().expectedCount() > 0;
    return compared(again, isSized).equals(compared(stored, isSized))
        && (stored.otherwise() == null || stored.otherwise().equals(again.otherwise()));
  }

  private static DriftFinding compared(DriftFinding of, boolean isSized) {
    return new DriftFinding(
        of.cohort(),
        of.feature(),
        of.movedBy(),
        of.onsetWindow(),
        of.onsetLatest(),
        of.window(),
        of.effect(),
        isSized && of.cohort().terms().size() < 2 ? withoutIntervals(of.size()) : EffectSize.NONE,
        of.devices(),
        of.peers(),
        of.predictions(),
        of.shareExplained(),
        of.logEvidence(),
        of.logThreshold(),
        of.firedIn(),
        of.firedBy(),
        null);
  }

  private static EffectSize withoutIntervals(EffectSize size) {
    return new EffectSize(
        size.psi(),
        Estimate.around(0, 0),
        size.kolmogorovSmirnov(),
        Estimate.around(size.wasserstein().value(), 0),
        Estimate.around(size.shiftSigma().value(), 0),
        size.expectedCount(),
        size.observedCount());
  }

  /**
   * Effect sizes for people.
   *
   * @param shift whether a shift of the mean is known
   */
  static EffectMeasures measures(EffectSize size, boolean shift) {
    return new EffectMeasures(
        size.psi().value(),
        size.psi().low(),
        size.psi().high(),
        size.jensenShannon().value(),
        size.jensenShannon().low(),
        size.jensenShannon().high(),
        size.wasserstein().value(),
        size.wasserstein().low(),
        size.wasserstein().high(),
        size.kolmogorovSmirnov(),
        shift ? (Double) size.shiftSigma().value() : null,
        shift ? (Double) size.shiftSigma().low() : null,
        shift ? (Double) size.shiftSigma().high() : null,
        size.expectedCount(),
        size.observedCount());
  }

  static VerdictEvidence view(DriftEvidence evidence) {
    List<VerdictEvidence.Bin> bins = new ArrayList<>();
    for (int bin = 0; bin < evidence.expected().size(); bin++) {
      bins.add(
          new VerdictEvidence.Bin(
              edge(evidence, bin - 1),
              edge(evidence, bin),
              evidence.expected().get(bin),
              evidence.observed().get(bin)));
    }
    return new VerdictEvidence(
        evidence.bets(),
        evidence.before(),
        evidence.units(),
        evidence.values(),
        evidence.sum(),
        evidence.squares(),
        evidence.tolerance(),
        evidence.scale(),
        evidence.isCurrent() ? evidence.part() : 1,
        evidence.windowsPerFalseAlarm(),
        evidence.detectors(),
        bins);
  }

  private static @Nullable Double edge(DriftEvidence evidence, int at) {
    return at < 0 || at >= evidence.edges().size() ? null : evidence.edges().get(at);
  }
}

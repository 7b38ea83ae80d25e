package io.skerry.control.drift;

import io.skerry.api.Distribution;
import io.skerry.api.DriftDistance;
import io.skerry.api.DriftPoint;
import io.skerry.api.EffectMeasures;
import io.skerry.api.EventMark;
import io.skerry.api.Explanation;
import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftEvidence;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.drift.WindowVerdict;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What was judged, over time and in its parts, for people; everything from what is stored. */
@Singleton
public final class DriftReports {
  /** Windows of a history. */
  public static final int WINDOWS_MAX = 500;

  static final String FORMULA =
      """
      y(d,t) = clip((position of device d in window t - its own baseline - mean of its peers) / clip, -1, 1)
      e(t)   = mean over signs s and bets b of  prod over devices d of (1 + b (s y(d,t) - tolerance))^part
      M(t)   = (M(t-1) + 1) e(t), Shiryaev-Roberts; opened when ln M >= ln(c H)
      c = windows per false incident that are promised, H = streams that are watched
      tolerance = material effect + 3.9 standard errors of the learned baseline + what clipping may hide of shares that vary more than most
      part = peers / (peers + f members), f = share of the noise that is new in each window
      of the whole fleet: x(t) = median over devices of (position - where it was learned) - the fleet's baseline, sd = its spread
      e(t)   = mean over signs s and bets b of  min(e^5, exp(b z - b^2 / 2)),  z = (s x(t) - tolerance) / sd; empirical\
      """;

  // What an incident was judged again from, of which neither windows nor evidence are kept.
  private static final String NOTHING = "NOTHING";

  private static final int COMPARED_WINDOWS = 4;
  private final Database database;
  private final DriftService service;
  private final Distributions distributions;
  private final Correlations correlations;

  DriftReports(
      Database database, DriftService service, Monitoring monitoring, WindowLayouts layouts) {
    this.database = database;
    this.service = service;
    this.distributions = new Distributions(monitoring, new WindowReader(layouts, monitoring));
    this.correlations = new Correlations(monitoring, layouts);
  }

  /** The stream whose counts a judged statistic is made of: all classes of the share of one. */
  public static String counted(String stream, String kind) {
    return new io.skerry.telemetry.drift.Stream(
            stream, io.skerry.telemetry.drift.Stream.Kind.valueOf(kind))
        .counted();
  }

  /**
   * A stream's last windows, oldest first.
   *
   * @param windowMillis their length; 0 = that which was judged latest
   */
  public List<DriftPoint> history(
      String slot,
      String model,
      long windowMillis,
      String cohort,
      String stream,
      String kind,
      int windows) {
    return database.call(
        transaction ->
            DriftStore.newest(transaction, slot, model, windowMillis)
                .map(
                    newest ->
                        history(
                            transaction,
                            newest,
                            cohort,
                            stream,
                            kind,
                            Math.clamp(windows, 1, WINDOWS_MAX)))
                .orElse(List.of()));
  }

  private static List<DriftPoint> history(
      Transaction transaction,
      DriftStore.Newest until,
      String cohort,
      String stream,
      String kind,
      int windows) {
    Track track = until.track();
    Map<Long, EffectMeasures> distances =
        StoredDistances.history(
            transaction, track, cohort, counted(stream, kind), until.window(), windows);
    return StoredVerdicts.history(transaction, track, cohort, stream, kind, until.window(), windows)
        .stream()
        .map(one -> point(track, one.window(), one.verdict(), distances.get(one.window())))
        .toList();
  }

  /**
   * The streams and cohorts that surely lie furthest from what they learned, in the newest judged
   * windows: by the lower bound of PSI.
   */
  public List<DriftDistance> furthest(int most) {
    return database.call(
        transaction ->
            DriftStore.live(transaction, 0).stream()
                .flatMap(
                    latest ->
                        StoredDistances.upTo(transaction, latest.track(), latest.window()).stream())
                .flatMap(DriftReports::distances)
                .sorted(
                    Comparator.comparingDouble((DriftDistance one) -> one.effect().psiLow())
                        .reversed())
                .limit(most)
                .toList());
  }

  /**
   * How far every stream of every cohort of a model in a slot lies from what it learned.
   *
   * @param windowMillis length of windows; 0 = that which was judged latest
   * @param window the newest judged one up to this
   * @return empty where none is kept
   */
  public List<DriftDistance> distances(String slot, String model, long windowMillis, long window) {
    return database.call(
        transaction ->
            DriftStore.newest(transaction, slot, model, windowMillis)
                .flatMap(latest -> StoredDistances.upTo(transaction, latest.track(), window))
                .stream()
                .flatMap(DriftReports::distances)
                .toList());
  }

  private static Stream<DriftDistance> distances(StoredDistances.OfWindow of) {
    Instant start = Instant.ofEpochMilli(of.track().startMillis(of.window()));
    return of.distances().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .flatMap(
            cohort ->
                cohort.getValue().entrySet().stream()
                    .map(
                        stream ->
                            new DriftDistance(
                                of.track().slot(),
                                of.track().model(),
                                of.track().windowMillis(),
                                of.window(),
                                start,
                                cohort.getKey(),
                                stream.getKey(),
                                stream.getValue().devices(),
                                stream.getValue().effect())));
  }

  /** Why an incident was opened; empty when there is none of this id. */
  public Optional<Explanation> explain(String id) {
    return database.call(
        transaction -> Incidents.stored(transaction, id).map(found -> explain(transaction, found)));
  }

  private Explanation explain(Transaction transaction, Stored found) {
    DriftFinding finding = found.incident().finding();
    Track track = found.track();
    List<DriftPoint> history =
        history(
            transaction,
            new DriftStore.Newest(track, finding.window() + Distributions.SHOWN_WINDOWS),
            finding.firedIn().toString(),
            finding.firedBy().name(),
            finding.firedBy().kind().name(),
            Distributions.BASELINE_WINDOWS + 2 * Distributions.SHOWN_WINDOWS);
    DriftPoint point =
        history.stream().filter(one -> one.window() == finding.window()).findFirst().orElse(null);
    Replays.Again tried = service.judgeAgain(transaction, track, finding.window());
    Optional<DriftEvidence> evidence = StoredEvidence.of(transaction, found.number());
    // Another formula says something else of the same windows.
    Optional<Replays.Again.Done> again =
        tried.done().filter(done -> evidence.stream().allMatch(DriftEvidence::isCurrent));
    List<DriftEvents.Checked> checked = DriftEvents.kept(transaction, found.number());
    boolean same =
        evidence.stream().allMatch(of -> StoredEvidence.comesTo(of, finding))
            && again.stream().allMatch(of -> isSame(of, finding, evidence.isPresent(), checked));
    boolean known = evidence.isPresent() || again.isPresent();
    return new Explanation(
        Incidents.view(found),
        FORMULA,
        track.slot(),
        track.windowMillis(),
        "%s %s".formatted(finding.firedBy().kind(), finding.firedBy().name()),
        finding.firedIn().toString(),
        point,
        StoredEvidence.measures(finding.size(), hasShift(finding)),
        evidence.map(StoredEvidence::view).orElse(null),
        known ? same ? "SAME" : "DIFFERENT" : "GONE",
        again.isPresent() ? "WINDOWS" : known ? "VERDICT" : NOTHING,
        evidence.map(of -> StoredEvidence.told(of, finding) + "; ").orElse("")
            + (evidence.stream().allMatch(DriftEvidence::isCurrent)
                ? detail(tried, finding)
                : "its windows were not judged again: an earlier build judged them, by another formula"),
        history,
        distributions
            .of(
                transaction,
                track,
                finding.cohort(),
                finding.movedBy().kind() == io.skerry.telemetry.drift.Stream.Kind.SHARE
                    ? finding.movedBy().counted()
                    : finding.feature(),
                finding.onsetWindow(),
                finding.window() + 1)
            .orElse(null),
        correlations.of(transaction, found),
        marks(transaction, track, finding, checked));
  }

  // Outputs are compared in the bins that they have, which know no deviation.
  private static boolean hasShift(DriftFinding finding) {
    EffectSize size = finding.size();
    return finding.movedBy().kind().isInput()
        && (size.expectedCount() > 0 || size.shiftSigma().value() != 0);
  }

  private static boolean isSame(
      Replays.Again.Done again,
      DriftFinding finding,
      boolean isEvident,
      List<DriftEvents.Checked> checked) {
    return again
            .verdict()
            .found()
            .filter(of -> StoredEvidence.isSame(of, finding, isEvident))
            .isPresent()
        && checked.stream()
            .allMatch(
                one -> DriftEvents.check(again.ledger(), finding, one.event()).equals(one.check()));
  }

  private static String detail(Replays.Again tried, DriftFinding finding) {
    return switch (tried) {
      case Replays.Again.Done again -> detail(again.verdict(), finding);
      case Replays.Again.Gone gone ->
          "its windows were not judged again: not all that they were judged from is still kept";
      case Replays.Again.TooMuch(long windows) ->
          String.format(
              Locale.ROOT,
              "its windows were not judged again: since the newest stored state before it devices told %,d windows, and at most %,d are read",
              windows,
              DriftStore.AGAIN_WINDOWS_MAX);
    };
  }

  private static String detail(WindowVerdict again, DriftFinding finding) {
    return again
        .found()
        .map(
            second ->
                String.format(
                    Locale.ROOT,
                    "judged again: %s of %s, %s, ln M %.3f (stored: %s, %.3f)",
                    second.feature(),
                    second.cohort(),
                    EffectWords.of(second),
                    second.logEvidence(),
                    EffectWords.of(finding),
                    finding.logEvidence()))
        .orElse("judged again, window %d opens nothing".formatted(finding.window()));
  }

  /**
   * A stream's counts in a cohort, in {@value #COMPARED_WINDOWS} windows against the {@value
   * Distributions#BASELINE_WINDOWS} before them, and how far they lie apart. Made from the windows
   * that are stored, and from no more than these.
   *
   * @param windowMillis length of windows; 0 = that which was judged latest
   * @param last of the windows; the newest that was judged where it is beyond that
   * @return empty where nothing of the stream is kept
   */
  public Optional<Distribution> distribution(
      String slot, String model, long windowMillis, String cohort, String stream, long last) {
    return database.call(
        transaction ->
            DriftStore.newest(transaction, slot, model, windowMillis)
                .flatMap(
                    latest ->
                        distributions.of(
                            transaction,
                            latest.track(),
                            Cohort.parse(cohort),
                            stream,
                            Math.min(last, latest.window()) + 1 - COMPARED_WINDOWS,
                            Math.min(last, latest.window()) + 1)));
  }

  private static DriftPoint point(
      Track track, long window, StreamVerdict verdict, @Nullable EffectMeasures distance) {
    return new DriftPoint(
        window,
        Instant.ofEpochMilli(track.startMillis(window)),
        verdict.cohort().toString(),
        verdict.stream().name(),
        verdict.stream().kind().name(),
        verdict.devices(),
        verdict.peers(),
        verdict.effect(),
        verdict.estimate().low(),
        verdict.estimate().high(),
        verdict.tolerance(),
        verdict.logEvidence(),
        verdict.logThreshold(),
        figure(verdict.shiftSigma(), Estimate::value),
        figure(verdict.shiftSigma(), Estimate::low),
        figure(verdict.shiftSigma(), Estimate::high),
        distance);
  }

  // What was checked first; then what else happened around it, before it was known or since.
  private static List<EventMark> marks(
      Transaction transaction,
      Track track,
      DriftFinding finding,
      List<DriftEvents.Checked> checked) {
    List<EventMark> marks = new ArrayList<>();
    Set<String> known = new HashSet<>();
    for (DriftEvents.Checked one : checked) {
      known.add(one.event().id());
      marks.add(DriftEvents.mark(track, one.event(), one.check()));
    }
    long from = finding.onsetWindow() - DriftEvents.WINDOWS_BEFORE;
    long until = finding.window() + Distributions.SHOWN_WINDOWS + 1;
    events(transaction, track, finding.cohort(), from, until).stream()
        .filter(event -> !known.contains(event.id()))
        .forEach(event -> marks.add(DriftEvents.mark(track, event, null)));
    return marks;
  }

  private static List<DriftEvents.Event> events(
      Transaction transaction, Track track, Cohort cohort, long from, long until) {
    Instant end = Instant.ofEpochMilli(track.startMillis(until));
    return DriftEvents.of(
        transaction,
        track,
        cohort,
        new DriftEvents.Span(Instant.ofEpochMilli(track.startMillis(from)), end, end));
  }

  /**
   * What happened to a cohort's devices in the last windows of a stream.
   *
   * @param windowMillis length of windows; 0 = that which was judged latest
   */
  public List<EventMark> marks(
      String slot, String model, long windowMillis, String cohort, int windows) {
    return database.call(
        transaction ->
            DriftStore.newest(transaction, slot, model, windowMillis)
                .map(
                    latest ->
                        events(
                                transaction,
                                latest.track(),
                                Cohort.parse(cohort),
                                latest.window() - Math.clamp(windows, 1, WINDOWS_MAX),
                                latest.window() + 1)
                            .stream()
                            .map(event -> DriftEvents.mark(latest.track(), event, null))
                            .toList())
                .orElse(List.of()));
  }

  static @Nullable Double figure(Optional<Estimate> estimate, ToDoubleFunction<Estimate> part) {
    return estimate.map(part::applyAsDouble).filter(Double::isFinite).orElse(null);
  }
}

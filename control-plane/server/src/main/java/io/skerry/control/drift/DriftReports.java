package io.skerry.control.drift;

import io.skerry.api.AccuracyPoint;
import io.skerry.api.Distribution;
import io.skerry.api.DriftDistance;
import io.skerry.api.DriftPoint;
import io.skerry.api.EffectMeasures;
import io.skerry.api.EventMark;
import io.skerry.api.Explanation;
import io.skerry.api.SliceRow;
import io.skerry.control.drift.DriftStore.Stored;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.BaselineBins;
import io.skerry.telemetry.drift.Calibration;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceShare;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftEvidence;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.EstimatedAccuracy;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.SliceReport;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.StreamLayout;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What was judged, over time and in its parts, for people; everything from what is stored. */
@Singleton
public final class DriftReports {
  /** Windows of a history. */
  public static final int WINDOWS_MAX = 500;

  // A difference of shares that is smaller is no matter of fairness.
  private static final double UNFAIR_BEYOND = .05;

  static final String FORMULA =
      """
      y(d,t) = clip((position of device d in window t - its own baseline - mean of its peers) / clip, -1, 1)
      e(t)   = mean over signs s and bets b of  prod over devices d of (1 + b (s y(d,t) - tolerance))
      M(t)   = (M(t-1) + 1) e(t), Shiryaev-Roberts; opened when ln M >= ln(c H)
      c = windows per false incident that are promised, H = streams that are watched
      tolerance = material effect + 3.9 standard errors of the learned baseline
      of the whole fleet: x(t) = median over devices of (position - where it was learned) - the fleet's baseline, sd = its spread
      e(t)   = mean over signs s and bets b of  min(e^5, exp(b z - b^2 / 2)),  z = (s x(t) - tolerance) / sd; empirical\
      """;

  // What an incident was judged again from, of which neither windows nor evidence are kept.
  private static final String NOTHING = "NOTHING";

  // Of the normal distribution, for 95 %.
  private static final double Z = 1.96;

  private static final int BASELINE_WINDOWS = 16;
  private static final int SHOWN_WINDOWS = 16;
  private static final int COMPARED_WINDOWS = 4;
  private static final int POINTS_MAX = 200;
  private static final List<String> OWN_5 =
      List.of("missing", "infinite", "below minimum", "above maximum", "stuck");
  private static final List<String> OWN_7 =
      List.of(
          "missing",
          "not a number",
          "infinite",
          "below minimum",
          "above maximum",
          "unseen",
          "stuck");

  private final Database database;
  private final DriftService service;
  private final Incidents incidents;
  private final Monitoring monitoring;
  private final WindowReader reader;
  private final Correlations correlations;

  DriftReports(
      Database database,
      DriftService service,
      Incidents incidents,
      Monitoring monitoring,
      WindowLayouts layouts) {
    this.database = database;
    this.service = service;
    this.incidents = incidents;
    this.monitoring = monitoring;
    this.reader = new WindowReader(layouts, monitoring);
    this.correlations = new Correlations(monitoring, layouts);
  }

  /** The stream whose counts a judged statistic is made of: all classes of the share of one. */
  public static String counted(String stream, String kind) {
    return StoredDistances.counted(
        new io.skerry.telemetry.drift.Stream(
            stream, io.skerry.telemetry.drift.Stream.Kind.valueOf(kind)));
  }

  /** A stream's last windows, oldest first. */
  public List<DriftPoint> history(
      String slot, String model, String cohort, String stream, String kind, int windows) {
    return database.call(
        transaction ->
            measured(
                transaction,
                DriftStore.verdicts(
                    transaction, slot, model, Long.MAX_VALUE, Math.clamp(windows, 1, WINDOWS_MAX)),
                verdict ->
                    verdict.cohort().toString().equals(cohort)
                        && verdict.stream().name().equals(stream)
                        && verdict.stream().kind().name().equals(kind)));
  }

  private static List<DriftPoint> measured(
      Transaction transaction, List<DriftStore.Latest> judged, Predicate<StreamVerdict> of) {
    Map<Track, Map<Long, EffectMeasures>> distances = new HashMap<>();
    List<DriftPoint> points = new ArrayList<>();
    for (DriftStore.Latest one : judged) {
      one.verdicts().stream()
          .filter(of)
          .forEach(
              verdict ->
                  points.add(
                      point(
                          one.track(),
                          one.window(),
                          verdict,
                          distances
                              .computeIfAbsent(
                                  one.track(),
                                  track ->
                                      StoredDistances.history(
                                          transaction,
                                          track,
                                          verdict.cohort().toString(),
                                          StoredDistances.counted(verdict.stream()),
                                          judged.getLast().window(),
                                          judged.size()))
                              .get(one.window()))));
    }
    return points;
  }

  /**
   * The streams and cohorts that surely lie furthest from what they learned, in the newest judged
   * windows: by the lower bound of PSI.
   */
  public List<DriftDistance> furthest(int most) {
    return database.call(
        transaction ->
            DriftStore.latest(transaction).stream()
                .map(DriftStore.Latest::track)
                .flatMap(
                    track ->
                        StoredDistances.upTo(
                            transaction, track.slot(), track.model(), Long.MAX_VALUE)
                            .stream())
                .distinct()
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
   * @param window the newest judged one up to this
   * @return empty where none is kept
   */
  public List<DriftDistance> distances(String slot, String model, long window) {
    return database.call(
        transaction ->
            StoredDistances.upTo(transaction, slot, model, window).stream()
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
        measured(
            transaction,
            DriftStore.verdicts(
                transaction,
                track.slot(),
                track.model(),
                finding.window() + SHOWN_WINDOWS,
                BASELINE_WINDOWS + 2 * SHOWN_WINDOWS),
            verdict ->
                verdict.cohort().equals(finding.cohort())
                    && verdict.stream().equals(finding.firedBy()));
    DriftPoint point =
        history.stream().filter(one -> one.window() == finding.window()).findFirst().orElse(null);
    Optional<DriftService.Again> again = service.judgeAgain(transaction, track, finding.window());
    Optional<DriftEvidence> evidence = StoredEvidence.of(transaction, found.number());
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
        point,
        StoredEvidence.measures(finding.size(), finding.size().expectedCount() > 0),
        evidence.map(StoredEvidence::view).orElse(null),
        known ? same ? "SAME" : "DIFFERENT" : "GONE",
        again.isPresent() ? "WINDOWS" : known ? "VERDICT" : NOTHING,
        evidence.map(of -> StoredEvidence.told(of, finding) + "; ").orElse("")
            + detail(again, finding),
        history,
        distribution(
                transaction,
                track,
                finding.cohort(),
                finding.feature(),
                finding.onsetWindow(),
                finding.window() + 1)
            .orElse(null),
        correlations.of(transaction, found),
        marks(transaction, track, finding, checked));
  }

  private static boolean isSame(
      DriftService.Again again,
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

  private static String detail(Optional<DriftService.Again> again, DriftFinding finding) {
    if (again.isEmpty()) {
      return "its windows were not judged again: not all that they were judged from is still kept";
    }
    return again
        .get()
        .verdict()
        .found()
        .map(
            second ->
                String.format(
                    Locale.ROOT,
                    "judged again: %s of %s, shift %+.3f sigma, ln M %.3f (stored %+.3f, %.3f)",
                    second.feature(),
                    second.cohort(),
                    second.shiftSigma(),
                    second.logEvidence(),
                    finding.shiftSigma(),
                    finding.logEvidence()))
        .orElse("judged again, window %d opens nothing".formatted(finding.window()));
  }

  /**
   * A stream's counts in a cohort, in {@value #COMPARED_WINDOWS} windows against the {@value
   * #BASELINE_WINDOWS} before them, and how far they lie apart. Made from the windows that are
   * stored, and from no more than these.
   *
   * @param last of the windows; the newest that was judged where it is beyond that
   * @return empty where nothing of the stream is kept
   */
  public Optional<Distribution> distribution(
      String slot, String model, String cohort, String stream, long last) {
    return database.call(
        transaction ->
            DriftStore.latest(transaction).stream()
                .filter(
                    latest ->
                        latest.track().slot().equals(slot) && latest.track().model().equals(model))
                .findFirst()
                .flatMap(
                    latest ->
                        distribution(
                            transaction,
                            latest.track(),
                            Cohort.parse(cohort),
                            stream,
                            Math.min(last, latest.window()) + 1 - COMPARED_WINDOWS,
                            Math.min(last, latest.window()) + 1)));
  }

  private Optional<Distribution> distribution(
      Transaction transaction, Track track, Cohort cohort, String stream, long from, long until) {
    CountsAlike before = sum(transaction, track, cohort, stream, from - BASELINE_WINDOWS, from);
    CountsAlike since =
        sum(transaction, track, cohort, stream, Math.max(from, until - SHOWN_WINDOWS), until);
    long[] sinceCounts = since.counts();
    BaselineBins bins = since.bins().or(before::bins).orElse(null);
    if (bins == null || sinceCounts.length == 0) {
      return Optional.empty();
    }
    boolean alike = before.bins().filter(own -> !own.edges().equals(bins.edges())).isEmpty();
    long[] beforeCounts = alike ? before.counts() : new long[0];
    // What any device added up, to save bytes, is added up of all: else sums would look like a
    // shift.
    int fold = Math.max(before.fold(), since.fold());
    int ordinary = Math.min(bins.ordinary(), sinceCounts.length);
    List<Distribution.Bin> rows = new ArrayList<>();
    for (int bin = 0; bin < sinceCounts.length; ) {
      int end = bin < ordinary ? Math.min(ordinary, bin + fold) : bin + 1;
      rows.add(
          new Distribution.Bin(
              name(bins, bin, end),
              sum(bins.counts().stream().mapToLong(Long::longValue).toArray(), bin, end),
              sum(beforeCounts, bin, end),
              sum(sinceCounts, bin, end)));
      bin = end;
    }
    List<Distribution.Bin> values = rows.subList(0, Math.ceilDiv(ordinary, fold));
    return Optional.of(
        new Distribution(
            track.model(),
            cohort.toString(),
            stream,
            from - BASELINE_WINDOWS,
            from,
            Math.max(from, until - SHOWN_WINDOWS),
            until,
            alike ? before.devices() : 0,
            since.devices(),
            values.stream().mapToLong(Distribution.Bin::baseline).sum(),
            values.stream().mapToLong(Distribution.Bin::count).sum(),
            StoredEvidence.measures(
                EffectSize.of(
                    values.stream().mapToLong(Distribution.Bin::baseline).toArray(),
                    values.stream().mapToLong(Distribution.Bin::count).toArray()),
                false),
            rows));
  }

  private static long sum(long[] counts, int from, int end) {
    long sum = 0;
    for (int bin = from; bin < Math.min(end, counts.length); bin++) {
      sum += counts[bin];
    }
    return sum;
  }

  private CountsAlike sum(
      Transaction transaction, Track track, Cohort cohort, String stream, long from, long until) {
    CountsAlike summed = new CountsAlike();
    for (long window = from; window < until; window++) {
      WindowReader.Window read = reader.read(transaction, track, window, Instant.now());
      for (DeviceWindow one : read.devices()) {
        int place = one.counts().layout().indexOf(stream);
        if (place >= 0 && one.counts().has(place) && cohort.holds(one.attributes())) {
          summed.add(
              one.device().value(),
              Optional.ofNullable(read.manifests().get(one.version()))
                  .flatMap(monitoring::of)
                  .flatMap(found -> bins(found, stream)),
              one.counts().counts(place).stream().mapToLong(Long::longValue).toArray(),
              one.counts().fold(place));
        }
      }
      summed.close();
    }
    return summed;
  }

  private static Optional<BaselineBins> bins(Monitoring.Monitored monitored, String stream) {
    var input = monitored.streams().inputs().get(stream);
    return Optional.ofNullable(
            input != null ? input.bins() : monitored.streams().outputs().get(stream))
        .or(() -> counted(monitored, stream));
  }

  // Of streams that have no bins in the manifest: classes, answers and failures by their number,
  // latencies by microseconds.
  private static Optional<BaselineBins> counted(Monitoring.Monitored monitored, String stream) {
    StreamLayout layout = monitored.streams().layout();
    int place = layout.indexOf(stream);
    if (place < layout.features() || layout.own(place) > 0) {
      return Optional.empty();
    }
    int bins = layout.bins(place);
    boolean isLatency = stream.equals(MonitoringPlan.LATENCY);
    List<Double> edges = new ArrayList<>();
    for (int bin = 1; bin < bins; bin++) {
      edges.add(isLatency ? Math.pow(2, bin / 2.0) : bin - 1);
    }
    List<Long> training = monitored.trainingPredicted();
    boolean isKnown = stream.equals(MonitoringPlan.CLASS) && training.size() == bins;
    return Optional.of(
        new BaselineBins(
            edges, -1, bins, isKnown ? training : Collections.nCopies(bins, 0L), false));
  }

  // Of the bins from one to another, which is no more among them.
  private static String name(BaselineBins bins, int bin, int end) {
    int ordinary = bins.ordinary();
    if (bin >= ordinary) {
      List<String> own = bins.counts().size() - ordinary == OWN_5.size() ? OWN_5 : OWN_7;
      return bin - ordinary < own.size() ? own.get(bin - ordinary) : "bin " + bin;
    }
    String low = bin == 0 ? "-inf" : number(bins.edges().get(bin - 1));
    String high = end >= ordinary ? "+inf" : number(bins.edges().get(end - 1));
    return "(%s, %s]".formatted(low, high);
  }

  private static String number(double edge) {
    return String.format(Locale.ROOT, "%.4g", edge);
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
    long until = finding.window() + SHOWN_WINDOWS + 1;
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

  /** What happened to a cohort's devices in the last windows of a stream. */
  public List<EventMark> marks(String slot, String model, String cohort, int windows) {
    return database.call(
        transaction ->
            DriftStore.latest(transaction).stream()
                .filter(
                    latest ->
                        latest.track().slot().equals(slot) && latest.track().model().equals(model))
                .findFirst()
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

  private record Answer(
      String device,
      String profile,
      String cohorts,
      long version,
      Optional<Double> score,
      Optional<Long> predictedClass,
      Optional<Double> confidence,
      double actual,
      double weight,
      Instant at) {
    DriftStore.Scored of() {
      return new DriftStore.Scored(version, profile);
    }

    /** Empty with more than two classes: none of them is the positive one. */
    Optional<Outcome> outcome() {
      return score.map(of -> new Outcome(new DeviceId(device), of, actual >= .5, 1 / weight));
    }

    /** What its score said and what came: of a version that names classes, that it was right. */
    Optional<Outcome> calibrating() {
      return predictedClass.isEmpty()
          ? outcome()
          : confidence.map(
              of ->
                  new Outcome(
                      new DeviceId(device),
                      of,
                      predictedClass.get() == Math.round(actual),
                      1 / weight));
    }

    /** Whether it was right, as if that had been asked. */
    Outcome right(double threshold) {
      return new Outcome(new DeviceId(device), isRight(threshold) ? 1 : 0, true, 1 / weight);
    }

    boolean isRight(double threshold) {
      return predictedClass
          .map(predicted -> predicted == Math.round(actual))
          .orElseGet(() -> score.map(of -> (of >= threshold) == (actual >= .5)).orElse(false));
    }
  }

  private record Span(long index, long version) {}

  /**
   * Accuracy of a model's versions over time, from outcomes, and what the scores alone let expect.
   * They are calibrated by the outcomes of the same version and profile from before each span, so
   * that a changed meaning shows as a gap between the two; taken at their word while there are few.
   *
   * @param step length of a span
   * @param span how far back
   */
  public List<AccuracyPoint> accuracy(String model, Duration step, Duration span) {
    return database.call(
        transaction -> {
          Instant now = Instant.now();
          List<Answer> all = judged(transaction, model, now.minus(span));
          all.sort(Comparator.comparing(Answer::at));
          Map<Span, List<Answer>> answers = new HashMap<>();
          for (Answer one : all) {
            answers
                .computeIfAbsent(
                    new Span(one.at().toEpochMilli() / step.toMillis(), one.version()),
                    key -> new ArrayList<>())
                .add(one);
          }
          Duration shown = step.multipliedBy(POINTS_MAX);
          Map<Span, List<DriftStore.ScoreCounts>> scores = new HashMap<>();
          List<DriftStore.ScoreCounts> scored =
              DriftStore.scores(
                  transaction,
                  model,
                  now.minus(shown.compareTo(span) < 0 ? shown : span),
                  step.toMillis());
          Set<Long> amounts =
              amounts(transaction, model, scored.stream().map(one -> one.of().version()));
          for (DriftStore.ScoreCounts one : scored) {
            if (!amounts.contains(one.of().version())) {
              scores
                  .computeIfAbsent(
                      new Span(one.span(), one.of().version()), key -> new ArrayList<>())
                  .add(one);
            }
          }
          Set<Span> spans =
              new TreeSet<>(Comparator.comparingLong(Span::index).thenComparingLong(Span::version));
          spans.addAll(answers.keySet());
          spans.addAll(scores.keySet());
          List<AccuracyPoint> points = new ArrayList<>();
          Map<DriftStore.Scored, Calibration.Sums> before = new HashMap<>();
          int counted = 0;
          for (Span one : spans.stream().skip(Math.max(0, spans.size() - POINTS_MAX)).toList()) {
            Instant start = Instant.ofEpochMilli(one.index() * step.toMillis());
            while (counted < all.size() && all.get(counted).at().isBefore(start)) {
              Answer answer = all.get(counted++);
              Calibration.Sums sums =
                  before.computeIfAbsent(answer.of(), key -> new Calibration.Sums());
              answer.calibrating().ifPresent(sums::add);
            }
            double threshold = incidents.threshold(transaction, model, one.version());
            points.add(
                accuracy(
                    start,
                    model,
                    one.version(),
                    answers.getOrDefault(one, List.of()),
                    estimated(scores.getOrDefault(one, List.of()), before, threshold),
                    threshold));
          }
          return points;
        });
  }

  private record Estimated(long scored, Optional<Estimate> accuracy) {}

  private static Estimated estimated(
      List<DriftStore.ScoreCounts> counted,
      Map<DriftStore.Scored, Calibration.Sums> before,
      double threshold) {
    List<EstimatedAccuracy.Scored> scores = new ArrayList<>();
    List<EstimatedAccuracy.Scored> confidences = new ArrayList<>();
    for (DriftStore.ScoreCounts one : counted) {
      Calibration.Sums known = before.get(one.of());
      (one.row().confidence() ? confidences : scores)
          .add(
              new EstimatedAccuracy.Scored(
                  one.row().counts(),
                  known == null || known.outcomes() < CohortScores.CALIBRATED_FROM
                      ? Calibration.none()
                      : known.calibration()));
    }
    long scored =
        counted.stream()
            .flatMap(one -> one.row().counts().stream())
            .mapToLong(Long::longValue)
            .sum();
    return new Estimated(
        scored,
        scored == 0
            ? Optional.empty()
            : Optional.of(EstimatedAccuracy.ofSums(scores, confidences, threshold)));
  }

  private static AccuracyPoint accuracy(
      Instant start,
      String model,
      long version,
      List<Answer> answers,
      Estimated estimated,
      double threshold) {
    if (answers.isEmpty()) {
      return new AccuracyPoint(
          start,
          model,
          version,
          null,
          null,
          null,
          0,
          0,
          estimated.scored(),
          figure(estimated.accuracy(), Estimate::value),
          figure(estimated.accuracy(), Estimate::low),
          figure(estimated.accuracy(), Estimate::high));
    }
    Map<String, double[]> devices = new HashMap<>();
    Map<String, Double> shares = DeviceShare.shares(answers, Answer::device, Answer::weight);
    double right = 0;
    double all = 0;
    for (Answer one : answers) {
      double weight = one.weight() * shares.getOrDefault(one.device(), 1.0);
      double hit = one.isRight(threshold) ? weight : 0;
      right += hit;
      all += weight;
      double[] sums = devices.computeIfAbsent(one.device(), id -> new double[2]);
      sums[0] += hit;
      sums[1] += weight;
    }
    double value = right / all;
    // Linearised variance of a ratio over devices: predictions of one device are alike.
    double squares = 0;
    double weights = 0;
    for (double[] sums : devices.values()) {
      double residual = (sums[0] - value * sums[1]) / all;
      squares += residual * residual;
      weights += sums[1] * sums[1];
    }
    int n = devices.size();
    double half = n < 2 ? 1 : Z * Math.sqrt(squares * n / (n - 1));
    if (right == 0 || right == all) {
      // Devices that all agree leave open what others would say: Wilson's bound, on as many devices
      // of equal weight as these are worth.
      half = Math.max(half, Z * Z / (all * all / weights + Z * Z));
    }
    return new AccuracyPoint(
        start,
        model,
        version,
        value,
        Math.max(0, value - half),
        Math.min(1, value + half),
        answers.size(),
        n,
        estimated.scored(),
        figure(estimated.accuracy(), Estimate::value),
        figure(estimated.accuracy(), Estimate::low),
        figure(estimated.accuracy(), Estimate::high));
  }

  // Without versions that say an amount: a threshold makes nothing right or wrong of it.
  private List<Answer> judged(Transaction transaction, String model, Instant since) {
    List<Answer> answers = new ArrayList<>(answers(transaction, model, since));
    Set<Long> amounts = amounts(transaction, model, answers.stream().map(Answer::version));
    answers.removeIf(one -> amounts.contains(one.version()));
    return answers;
  }

  private Set<Long> amounts(Transaction transaction, String model, Stream<Long> versions) {
    return versions
        .distinct()
        .filter(version -> incidents.saysAmount(transaction, model, version))
        .collect(Collectors.toSet());
  }

  // Labels are left out: people are asked about what seems wrong.
  private static List<Answer> answers(Transaction transaction, String model, Instant since) {
    return transaction.list(
        """
        select distinct on (f.device, f.prediction_id) f.device, f.version, f.score,
          f.predicted_class, coalesce(f.confidence, greatest(f.score, 1 - f.score)) as confidence,
          f.actual,
          coalesce(f.inclusion_probability, 1) as probability, f.predicted_at,
          d.profile, d.labels::text as labels
        from telemetry_feedback f join device d on d.id = f.device
        where f.source <> 'label' and f.model = ? and f.joined and f.predicted_at >= ?
          and (f.score is not null or f.predicted_class is not null)
        order by f.device, f.prediction_id, f.received_at desc limit 200000
        """,
        row ->
            new Answer(
                row.text("device"),
                row.optionalText("profile").orElse(""),
                Cohorts.of(row.text("labels"), row.optionalText("profile").orElse("")),
                row.bigint("version"),
                row.optionalNumber("score"),
                row.optionalBigint("predicted_class"),
                row.optionalNumber("confidence"),
                row.number("actual"),
                1 / row.number("probability"),
                row.instant("predicted_at")),
        model,
        since);
  }

  /**
   * Accuracy and bias of the newest version that has outcomes, slice by slice; of one with more
   * than two classes accuracy alone: it has no positive class to compare.
   */
  public List<SliceRow> slices(String model, Duration span) {
    return database.call(
        transaction -> {
          List<Answer> all = judged(transaction, model, Instant.now().minus(span));
          long newest = all.stream().mapToLong(Answer::version).max().orElse(0);
          List<Answer> answers = all.stream().filter(one -> one.version() == newest).toList();
          Map<DeviceId, Set<String>> slices = new HashMap<>();
          for (Answer one : answers) {
            slices.computeIfAbsent(
                new DeviceId(one.device()), device -> Set.copyOf(Cohorts.split(one.cohorts())));
          }
          double threshold = incidents.threshold(transaction, model, newest);
          List<Outcome> scored =
              answers.stream().map(Answer::outcome).flatMap(Optional::stream).toList();
          List<Outcome> told =
              scored.isEmpty()
                  ? answers.stream().map(one -> one.right(threshold)).toList()
                  : scored;
          return SliceReport.of(SliceReport.count(told, slices, threshold)).slices().stream()
              .map(slice -> row(model, newest, slice, scored.isEmpty()))
              .toList();
        });
  }

  private static SliceRow row(
      String model, long version, SliceReport.Slice slice, boolean accuracyOnly) {
    Optional<SliceReport.Figures> all = slice.figures();
    Optional<SliceReport.Figures> figures = all.filter(of -> !accuracyOnly);
    Optional<SliceReport.Comparison> others = figures.flatMap(SliceReport.Figures::others);
    Optional<Estimate> accuracy = all.map(SliceReport.Figures::accuracy);
    Optional<Estimate> calibration = figures.map(SliceReport.Figures::calibrationError);
    Optional<Estimate> parity = others.map(SliceReport.Comparison::parityDifference);
    Optional<Estimate> opportunity = others.map(SliceReport.Comparison::opportunityDifference);
    Optional<Estimate> impact = others.map(SliceReport.Comparison::disparateImpact);
    return new SliceRow(
        model,
        version,
        slice.name(),
        slice.devices(),
        slice.outcomes(),
        figure(accuracy, Estimate::value),
        figure(accuracy, Estimate::low),
        figure(accuracy, Estimate::high),
        figure(figures.map(SliceReport.Figures::balancedAccuracy), Estimate::value),
        figure(figures.map(SliceReport.Figures::positiveRate), Estimate::value),
        figure(figures.map(SliceReport.Figures::recall), Estimate::value),
        figure(calibration, Estimate::value),
        figure(calibration, Estimate::low),
        figure(calibration, Estimate::high),
        figure(parity, Estimate::value),
        figure(parity, Estimate::low),
        figure(parity, Estimate::high),
        figure(opportunity, Estimate::value),
        figure(opportunity, Estimate::low),
        figure(opportunity, Estimate::high),
        figure(impact, Estimate::value),
        figure(impact, Estimate::low),
        figure(impact, Estimate::high),
        others.filter(compared -> compared.isUnfair(UNFAIR_BEYOND)).isPresent());
  }

  static @Nullable Double figure(Optional<Estimate> estimate, ToDoubleFunction<Estimate> part) {
    return estimate.map(part::applyAsDouble).filter(Double::isFinite).orElse(null);
  }
}

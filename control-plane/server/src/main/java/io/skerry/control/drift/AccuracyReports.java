package io.skerry.control.drift;

import io.skerry.api.AccuracyPoint;
import io.skerry.api.SliceRow;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Calibration;
import io.skerry.telemetry.drift.DeviceShare;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.EstimatedAccuracy;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.SliceReport;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How right a model's versions were, over time and slice by slice, and what scores let expect. */
@Singleton
public final class AccuracyReports {
  // A difference of shares that is smaller is no matter of fairness.
  private static final double UNFAIR_BEYOND = .05;

  // Of the normal distribution, for 95 %.
  private static final double Z = 1.96;

  private static final int POINTS_MAX = 200;

  private final Database database;
  private final Incidents incidents;
  private final int outcomesMax;

  @Inject
  AccuracyReports(Database database, Incidents incidents) {
    this(database, incidents, OutcomeSample.OUTCOMES_MAX);
  }

  AccuracyReports(Database database, Incidents incidents, int outcomesMax) {
    this.database = database;
    this.incidents = incidents;
    this.outcomesMax = outcomesMax;
  }

  /** Those that were read, and the share of all that are known which they are. */
  private record Answers(List<Answer> read, double share) {}

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
    StoredScores.Scored of() {
      return new StoredScores.Scored(version, profile);
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
          Answers judged = judged(transaction, model, now.minus(span));
          List<Answer> all = judged.read();
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
          Map<Span, List<StoredScores.ScoreCounts>> scores = new HashMap<>();
          List<StoredScores.ScoreCounts> scored =
              StoredScores.since(
                  transaction,
                  model,
                  now.minus(shown.compareTo(span) < 0 ? shown : span),
                  step.toMillis());
          Set<Long> amounts =
              amounts(transaction, model, scored.stream().map(one -> one.of().version()));
          for (StoredScores.ScoreCounts one : scored) {
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
          Map<StoredScores.Scored, Calibration.Sums> before = new HashMap<>();
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
                    threshold,
                    judged.share()));
          }
          return points;
        });
  }

  private record Estimated(long scored, Optional<Estimate> accuracy) {}

  private static Estimated estimated(
      List<StoredScores.ScoreCounts> counted,
      Map<StoredScores.Scored, Calibration.Sums> before,
      double threshold) {
    List<EstimatedAccuracy.Scored> scores = new ArrayList<>();
    List<EstimatedAccuracy.Scored> confidences = new ArrayList<>();
    for (StoredScores.ScoreCounts one : counted) {
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
      double threshold,
      double read) {
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
          DriftReports.figure(estimated.accuracy(), Estimate::value),
          DriftReports.figure(estimated.accuracy(), Estimate::low),
          DriftReports.figure(estimated.accuracy(), Estimate::high),
          read);
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
        DriftReports.figure(estimated.accuracy(), Estimate::value),
        DriftReports.figure(estimated.accuracy(), Estimate::low),
        DriftReports.figure(estimated.accuracy(), Estimate::high),
        read);
  }

  // Without versions that say an amount: a threshold makes nothing right or wrong of it.
  private Answers judged(Transaction transaction, String model, Instant since) {
    Answers answers = answers(transaction, model, since);
    Set<Long> amounts = amounts(transaction, model, answers.read().stream().map(Answer::version));
    answers.read().removeIf(one -> amounts.contains(one.version()));
    return answers;
  }

  private Set<Long> amounts(Transaction transaction, String model, Stream<Long> versions) {
    return versions
        .distinct()
        .filter(version -> incidents.saysAmount(transaction, model, version))
        .collect(Collectors.toSet());
  }

  // Labels are left out: people are asked about what seems wrong.
  private Answers answers(Transaction transaction, String model, Instant since) {
    long[] known = new long[1];
    List<Answer> read = new ArrayList<>();
    transaction.forEach(
        OutcomeSample.of(
            """
        select distinct on (f.device, f.prediction_id) f.device, f.prediction_id, f.version, f.score,
          f.predicted_class, coalesce(f.confidence, greatest(f.score, 1 - f.score)) as confidence,
          f.actual,
          coalesce(f.inclusion_probability, 1) as probability, f.predicted_at,
          d.profile, d.labels::text as labels
        from telemetry_feedback f
        join device_during d on d.device = f.device
          and d.since <= f.predicted_at and f.predicted_at < d.until
        where f.source <> 'label' and f.model = ? and f.joined and f.predicted_at >= ?
          and f.predicted_at < now() + interval '10 minutes'
          and (f.score is not null or f.predicted_class is not null)
        order by f.device, f.prediction_id, f.received_at desc, f.boot_epoch, f.sequence
        """),
        row -> {
          known[0] = row.bigint("known");
          read.add(
              new Answer(
                  row.text("device"),
                  row.optionalText("profile").orElse(""),
                  Cohorts.of(row.text("labels"), row.optionalText("profile").orElse("")),
                  row.bigint("version"),
                  row.optionalNumber("score"),
                  row.optionalBigint("predicted_class"),
                  row.optionalNumber("confidence"),
                  row.number("actual"),
                  1 / (row.number("probability") * row.number("read_share")),
                  row.instant("predicted_at")));
        },
        model,
        since,
        outcomesMax);
    return new Answers(read, read.isEmpty() ? 1 : (double) read.size() / known[0]);
  }

  /**
   * Accuracy and bias of the newest version that has outcomes, slice by slice; of one with more
   * than two classes accuracy alone: it has no positive class to compare.
   */
  public List<SliceRow> slices(String model, Duration span) {
    return database.call(
        transaction -> {
          Answers judged = judged(transaction, model, Instant.now().minus(span));
          List<Answer> all = judged.read();
          long newest = all.stream().mapToLong(Answer::version).max().orElse(0);
          List<Answer> answers = all.stream().filter(one -> one.version() == newest).toList();
          double threshold = incidents.threshold(transaction, model, newest);
          Map<String, Set<String>> slices = new HashMap<>();
          answers.forEach(
              one ->
                  slices.computeIfAbsent(
                      one.cohorts(), cohorts -> Set.copyOf(Cohorts.split(cohorts))));
          List<SliceReport.Placed> scored =
              answers.stream()
                  .flatMap(one -> one.outcome().stream().map(of -> placed(of, one, slices)))
                  .toList();
          List<SliceReport.Placed> told =
              scored.isEmpty()
                  ? answers.stream().map(one -> placed(one.right(threshold), one, slices)).toList()
                  : scored;
          return SliceReport.of(SliceReport.count(told, threshold)).slices().stream()
              .map(slice -> row(model, newest, slice, scored.isEmpty(), judged.share()))
              .toList();
        });
  }

  private static SliceReport.Placed placed(
      Outcome outcome, Answer of, Map<String, Set<String>> slices) {
    return new SliceReport.Placed(outcome, slices.getOrDefault(of.cohorts(), Set.of()));
  }

  private static SliceRow row(
      String model, long version, SliceReport.Slice slice, boolean accuracyOnly, double read) {
    Optional<SliceReport.Figures> all = slice.figures();
    Optional<SliceReport.Figures> figures = all.filter(of -> !accuracyOnly);
    Optional<SliceReport.Comparison> others = figures.flatMap(SliceReport.Figures::others);
    Optional<Estimate> accuracy = all.map(SliceReport.Figures::accuracy);
    Optional<Estimate> balanced = figures.map(SliceReport.Figures::balancedAccuracy);
    Optional<Estimate> positive = figures.map(SliceReport.Figures::positiveRate);
    Optional<Estimate> recall = figures.map(SliceReport.Figures::recall);
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
        DriftReports.figure(accuracy, Estimate::value),
        DriftReports.figure(accuracy, Estimate::low),
        DriftReports.figure(accuracy, Estimate::high),
        DriftReports.figure(balanced, Estimate::value),
        DriftReports.figure(balanced, Estimate::low),
        DriftReports.figure(balanced, Estimate::high),
        DriftReports.figure(positive, Estimate::value),
        DriftReports.figure(positive, Estimate::low),
        DriftReports.figure(positive, Estimate::high),
        DriftReports.figure(recall, Estimate::value),
        DriftReports.figure(recall, Estimate::low),
        DriftReports.figure(recall, Estimate::high),
        DriftReports.figure(calibration, Estimate::value),
        DriftReports.figure(calibration, Estimate::low),
        DriftReports.figure(calibration, Estimate::high),
        DriftReports.figure(parity, Estimate::value),
        DriftReports.figure(parity, Estimate::low),
        DriftReports.figure(parity, Estimate::high),
        DriftReports.figure(opportunity, Estimate::value),
        DriftReports.figure(opportunity, Estimate::low),
        DriftReports.figure(opportunity, Estimate::high),
        DriftReports.figure(impact, Estimate::value),
        DriftReports.figure(impact, Estimate::low),
        DriftReports.figure(impact, Estimate::high),
        others.filter(compared -> compared.isUnfair(UNFAIR_BEYOND)).isPresent(),
        read);
  }
}

package io.skerry.control.pipeline;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Incident;
import io.skerry.api.ModelVersionView;
import io.skerry.api.Retraining;
import io.skerry.api.Run;
import io.skerry.api.RunMetrics;
import io.skerry.api.SliceMetrics;
import io.skerry.api.WorkState;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.dataset.CollectedWindow;
import io.skerry.control.dataset.DatasetInvalidException;
import io.skerry.control.dataset.Datasets;
import io.skerry.control.dataset.Snapshot;
import io.skerry.control.drift.Incidents;
import io.skerry.control.registry.Registry;
import io.skerry.control.sql.Database;
import io.skerry.control.training.RunEnded;
import io.skerry.control.training.RunPlan;
import io.skerry.control.training.Training;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.drift.Accuracy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Starts runs for incidents and keeps why, and what came of them. */
@Singleton
public final class Retrainings {
  /** Collected windows of the cohort below which a retraining would learn nothing. */
  static final int COHORT_WINDOWS_MIN = 40;

  private final Database database;
  private final Incidents incidents;
  private final Registry registry;
  private final Datasets datasets;
  private final CollectedSamples samples;
  private final Training training;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  Retrainings(
      Database database,
      Incidents incidents,
      Registry registry,
      Datasets datasets,
      CollectedSamples samples,
      Training training,
      AuditLog audit) {
    this.database = database;
    this.incidents = incidents;
    this.registry = registry;
    this.datasets = datasets;
    this.samples = samples;
    this.training = training;
    this.audit = audit;
  }

  /**
   * Starts a run on the model's own data and on what devices collected since the incident's onset.
   * While one for this incident is open, that one is returned.
   *
   * @throws ProblemException if the incident is unknown or too little was collected yet
   */
  public synchronized Run start(Actor actor, String id) {
    Incident incident =
        incidents
            .find(id)
            .orElseThrow(
                () ->
                    new ProblemException(
                        ErrorCode.NOT_FOUND, "incident '%s' does not exist".formatted(id)));
    Optional<Run> open =
        of(id).stream()
            .map(retraining -> training.run(retraining.run()))
            .filter(run -> !run.state().isTerminal())
            .findFirst();
    if (open.isPresent()) {
      return open.get();
    }
    ModelVersion champion = new ModelVersion(new ModelName(incident.model()), incident.version());
    ModelVersionView version = registry.version(champion);
    long erasures = datasets.erasures();
    Snapshot base = base(version);
    Instant onset = incidents.onset(id).orElse(incident.openedAt());
    CollectedSamples.Found found =
        samples.since(onset, now(), champion.model(), incident.cohort(), base);
    checkEnough(incident.cohort(), found, base.classes());
    Datasets.Growth growth = grow(base, incident, found.windows(), erasures);
    return started(actor, incident, champion, version, growth, found);
  }

  /** The retrainings of an incident, newest first. */
  public List<Retraining> of(String incident) {
    return database.call(transaction -> RetrainingStore.of(transaction, incident));
  }

  /**
   * Counts how right retrained versions are on the devices that asked for them, for as long as
   * outcomes may still come.
   */
  void realise() {
    for (RetrainingStore.Run one :
        database.call(transaction -> RetrainingStore.toRealise(transaction, now()))) {
      String realised =
          incidents
              .realised(one.incident(), one.version())
              .map(found -> realised(found, one.version()))
              .orElse(null);
      database.run(
          transaction -> RetrainingStore.realised(transaction, one.run(), realised, now()));
    }
  }

  private static String realised(Incidents.Realised found, long version) {
    Accuracy since = found.since();
    return "version %d ran on %s: balanced accuracy %s on %d outcomes of %d devices%s"
        .formatted(
            version,
            found.cohort(),
            told(since),
            since.outcomes(),
            since.devices(),
            found
                .before()
                .map(
                    before ->
                        ", version %d since the onset %s on %d%s"
                            .formatted(
                                found.champion(),
                                told(before),
                                before.outcomes(),
                                before.isWorseThan(since, 0)
                                    ? ": better"
                                    : since.isWorseThan(before, 0)
                                        ? ": worse"
                                        : ": not told apart"))
                .orElse(""));
  }

  private static String told(Accuracy accuracy) {
    return String.format(
        Locale.ROOT,
        "%.3f (%.3f to %.3f)",
        accuracy.balanced().value(),
        accuracy.balanced().low(),
        accuracy.balanced().high());
  }

  @EventListener
  void onRunEnded(RunEnded event) {
    Run run = event.run();
    if (run.incident() != null) {
      database.run(
          transaction -> RetrainingStore.ended(transaction, run.id(), outcome(run), now()));
    }
  }

  private Run started(
      Actor actor,
      Incident incident,
      ModelVersion champion,
      ModelVersionView version,
      Datasets.Growth growth,
      CollectedSamples.Found found) {
    String before = version.run();
    Run earlier = before == null ? null : training.run(before);
    Run run =
        training.start(
            actor,
            new RunPlan(
                champion.model(),
                growth.snapshot().digest().toString(),
                earlier == null ? RunPlan.EPOCHS : earlier.epochs(),
                earlier == null ? 1 : earlier.seed(),
                new RunPlan.Challenge(
                    incident.id(),
                    champion.version(),
                    registry.modelFile(champion),
                    incident.cohort())));
    String hypothesis =
        ("%s of %s, %s: %d windows with outcomes since the onset, those to learn"
                + " from taken %d times, beside the data of %s%s")
            .formatted(
                incident.feature(),
                incident.cohort(),
                incident.effect().words(),
                found.windows().size(),
                growth.repeat(),
                champion,
                leftOut(found, growth.snapshot().classes()));
    database.run(
        transaction -> {
          RetrainingStore.insert(
              transaction,
              new Retraining(
                  incident.id(),
                  run.id(),
                  hypothesis,
                  found.windows().size(),
                  growth.sliceTrain(),
                  growth.sliceTest(),
                  null,
                  null,
                  now(),
                  null));
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("retraining.started", "incident/" + incident.id(), hypothesis));
        });
    return run;
  }

  /** Why a version that was imported is not trained again here, and what to do. */
  static String imported(String model, long version) {
    return ("%s@%d was imported, and there is no dataset of it here to train it on again: train it"
            + " where it came from, and import what comes of it as the next version")
        .formatted(model, version);
  }

  private Snapshot base(ModelVersionView version) {
    String snapshot = version.snapshot();
    if (snapshot == null) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT, imported(version.model(), version.version()));
    }
    return datasets.snapshot(snapshot);
  }

  private Datasets.Growth grow(
      Snapshot base, Incident incident, List<CollectedWindow> windows, long erasures) {
    try {
      Datasets.Growth growth = datasets.grow(base, incident.cohort(), windows, erasures);
      if (growth.sliceTrain() == 0 || growth.sliceTest() == 0) {
        throw tooLittle(
            incident.cohort(),
            growth.sliceTrain() == 0
                ? "no device of it is there to learn from: those that told were judged by before"
                : "no device of it is there to judge by: those that told are one, or were learned"
                    + " from before");
      }
      return growth;
    } catch (DatasetInvalidException e) {
      throw new ProblemException(ErrorCode.DATASET_INVALID, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String leftOut(CollectedSamples.Found found, int classes) {
    String left =
        found.classless() == 0
            ? ""
            : "; %d outcomes that are none of its %d classes were left out"
                .formatted(found.classless(), classes);
    return found.incomplete() == 0
        ? left
        : left
            + "; %d windows with a value that is missing, or that a privacy rule drops, were left out"
                .formatted(found.incomplete());
  }

  static void checkEnough(String cohort, CollectedSamples.Found found, int classes) {
    List<CollectedWindow> sliced = found.windows().stream().filter(CollectedWindow::slice).toList();
    if (sliced.size() < COHORT_WINDOWS_MIN) {
      throw tooLittle(
          cohort,
          "%d windows with outcomes, at least %d are needed%s"
              .formatted(sliced.size(), COHORT_WINDOWS_MIN, leftOut(found, classes)));
    }
    Map<Integer, Set<DeviceId>> devices = new TreeMap<>();
    sliced.forEach(
        one -> devices.computeIfAbsent(one.label(), label -> new HashSet<>()).add(one.device()));
    if (classes > 2) {
      long told = devices.values().stream().filter(of -> of.size() >= 2).count();
      if (told < 2) {
        throw tooLittle(
            cohort,
            ("%d of %d classes were told on 2 devices or more, at least 2 classes are needed: one"
                    + " device to learn, one to judge")
                .formatted(told, classes));
      }
      return;
    }
    int positive = devices.getOrDefault(1, Set.of()).size();
    if (positive < 2) {
      throw tooLittle(
          cohort,
          "outcome 1 was told on %d devices, at least 2 are needed: one to learn, one to judge"
              .formatted(positive));
    }
  }

  private static ProblemException tooLittle(String cohort, String what) {
    return new ProblemException(
        ErrorCode.STATE_CONFLICT,
        "%s has too little feedback to learn from yet: %s; try again later"
            .formatted(cohort, what));
  }

  /** What came of a run, in words. */
  static String outcome(Run run) {
    if (run.state() != WorkState.SUCCEEDED) {
      return "the run %s%s"
          .formatted(
              run.state().name().toLowerCase(Locale.ROOT),
              run.error() == null ? "" : ": " + run.error().detail());
    }
    RunMetrics metrics = run.metrics();
    SliceMetrics slice = metrics == null ? null : metrics.slice();
    if (slice == null || slice.challenger() == null || slice.champion() == null) {
      return "version %d is registered; the held-out devices cannot tell whether it is better"
          .formatted(run.version());
    }
    double challenger = slice.challenger().rocAuc().value();
    double champion = slice.champion().rocAuc().value();
    return "version %d is %s on %d held-out windows of %s: ROC AUC %.3f, champion %.3f"
        .formatted(
            run.version(),
            challenger > champion ? "better" : "not better",
            slice.examples(),
            slice.name(),
            challenger,
            champion);
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}

package io.skerry.control.drift;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.control.drift.DriftStore.Release;
import io.skerry.control.drift.IncidentStore.Sampled;
import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.incident.IncidentEvent;
import io.skerry.fleet.incident.IncidentMachine;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.WindowVerdict;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a judged window does to incidents: opens one, and lets those that are open live on. */
final class WindowIncidents {
  private static final Logger log = LoggerFactory.getLogger(WindowIncidents.class);

  private final Incidents incidents;
  private final CohortScores scores;
  private final Told told;
  private final Clock clock;

  /** Who is told of what. */
  record Told(
      ApplicationEventPublisher<IncidentOpened> opened,
      ApplicationEventPublisher<HarmConfirmed> harmed,
      ApplicationEventPublisher<IncidentResolved> resolved) {}

  WindowIncidents(Incidents incidents, CohortScores scores, Told told, Clock clock) {
    this.incidents = incidents;
    this.scores = scores;
    this.told = told;
    this.clock = clock;
  }

  void open(
      Transaction transaction,
      Track track,
      WindowVerdict verdict,
      WindowReader.Window read,
      DriftLedger ledger) {
    DriftFinding finding = verdict.found().orElseThrow();
    if (isOpen(transaction, track, finding.cohort())) {
      return;
    }
    long version = commonVersion(finding.cohort(), read);
    Incident incident = IncidentMachine.opened(finding);
    long number = IncidentStore.insert(transaction, track, version, incident, now());
    verdict.evidence().ifPresent(of -> StoredEvidence.keep(transaction, number, of));
    DriftEvents.keep(transaction, track, number, finding, ledger);
    log.atWarn()
        .addKeyValue("incident", number)
        .addKeyValue("cohort", finding.cohort())
        .addKeyValue("feature", finding.feature())
        .addKeyValue("shiftSigma", finding.shiftSigma())
        .log("incident opened");
    IncidentStore.find(transaction, number)
        .map(Incidents::view)
        .ifPresent(
            view ->
                told.opened().publishEvent(new IncidentOpened(transaction, view, incident.page())));
  }

  // Opened by a build that found it in another window: replaying, this one has not.
  private static boolean isOpen(Transaction transaction, Track track, Cohort cohort) {
    return IncidentStore.open(transaction, track).stream()
        .anyMatch(stored -> stored.incident().finding().cohort().equals(cohort));
  }

  private static long commonVersion(Cohort cohort, WindowReader.Window read) {
    Map<Long, Integer> devices = new HashMap<>();
    read.devices().stream()
        .filter(device -> cohort.holds(device.attributes()))
        .forEach(device -> devices.merge(device.version().version(), 1, Integer::sum));
    return devices.entrySet().stream()
        .max(Map.Entry.<Long, Integer>comparingByValue().thenComparing(Map.Entry::getKey))
        .map(Map.Entry::getKey)
        .orElse(1L);
  }

  void live(
      Transaction transaction,
      Track track,
      WindowVerdict verdict,
      Replayed replayed,
      WindowReader.Window read,
      WindowReader.Late late,
      Instant receivedUntil) {
    for (Stored stored : IncidentStore.open(transaction, track)) {
      Cohort cohort = stored.incident().finding().cohort();
      if (verdict.ended().contains(cohort)) {
        Incident ended = IncidentMachine.after(stored.incident(), new IncidentEvent.Ended());
        IncidentStore.resolve(transaction, stored.number(), ended, verdict.window(), false, now());
        tellResolved(transaction, stored.number(), ended.resolution());
        replayed.release(new Release(stored.number(), verdict.window(), cohort, false));
        continue;
      }
      Incident incident = stored.incident();
      if (verdict.persisting().contains(cohort)) {
        incident = IncidentMachine.after(incident, IncidentEvent.Persisted.of(verdict, cohort));
      }
      incident = IncidentMachine.after(incident, IncidentEvent.Looked.of(verdict, incident));
      CohortScores.Came came =
          new CohortScores.Came(verdict.window(), read.devices(), late.windows(), receivedUntil);
      for (IncidentEvent counted : accuracies(transaction, stored, came)) {
        incident = IncidentMachine.after(incident, counted);
      }
      IncidentStore.update(transaction, stored.number(), incident);
      // Who was woken for it before need not be woken again, though it went away meanwhile.
      Optional<Incident.Page> page = incident.page();
      if (page.isPresent() && !stored.paged().contains(page.get())) {
        tellHarm(transaction, stored.number(), page.get());
      }
    }
  }

  private void tellHarm(Transaction transaction, long number, Incident.Page page) {
    log.atWarn().addKeyValue("incident", number).addKeyValue("page", page).log("harm shown");
    IncidentStore.find(transaction, number)
        .map(Incidents::view)
        .ifPresent(view -> told.harmed().publishEvent(new HarmConfirmed(transaction, view, page)));
  }

  private void tellResolved(Transaction transaction, long number, String reason) {
    IncidentStore.find(transaction, number)
        .map(Incidents::view)
        .ifPresent(
            view -> told.resolved().publishEvent(new IncidentResolved(transaction, view, reason)));
  }

  // Realised and as scores let expect. Nothing of an amount is right or wrong.
  private List<IncidentEvent> accuracies(
      Transaction transaction, Stored stored, CohortScores.Came came) {
    if (incidents.saysAmount(transaction, stored.track().model(), stored.version())) {
      return List.of();
    }
    double threshold = incidents.threshold(transaction, stored.track(), stored.version());
    return Stream.of(
            counted(transaction, stored, threshold),
            scores.counted(transaction, stored, came, threshold))
        .flatMap(Optional::stream)
        .toList();
  }

  private Optional<IncidentEvent> counted(
      Transaction transaction, Stored stored, double threshold) {
    Season season = Season.of(stored.track(), stored.incident().finding().onsetWindow());
    OptionalLong until = IncidentStore.outcomesKnownUntil(transaction, stored, now());
    if (until.isEmpty()) {
      return Optional.empty();
    }
    Season.Span old = season.outcomesBefore(until.getAsLong());
    Season.Span since = season.outcomesSince(until.getAsLong());
    Sampled<Outcome> first = IncidentStore.outcomes(transaction, stored, old);
    Sampled<Outcome> second = IncidentStore.outcomes(transaction, stored, since);
    Optional<Accuracy> before = Accuracy.of(first.all(), threshold);
    Optional<Accuracy> after = Accuracy.of(second.all(), threshold);
    double share = Sampled.share(first, second);
    if (before.isEmpty() && after.isEmpty()) {
      Sampled<Accuracy.OfClass> olds = IncidentStore.classOutcomes(transaction, stored, old);
      Sampled<Accuracy.OfClass> news = IncidentStore.classOutcomes(transaction, stored, since);
      Set<Integer> classes = Accuracy.comparable(olds.all(), news.all());
      before = Accuracy.ofClasses(olds.all(), classes);
      after = Accuracy.ofClasses(news.all(), classes);
      share = Sampled.share(olds, news);
    }
    return before.isEmpty() || after.isEmpty()
        ? Optional.empty()
        : Optional.of(new IncidentEvent.OutcomesCounted(before.get(), after.get(), share));
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}

package io.skerry.control.drift;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.api.DriftStream;
import io.skerry.api.Page;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.drift.IncidentStore.Place;
import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.incident.IncidentEvent;
import io.skerry.fleet.incident.IncidentMachine;
import io.skerry.protocol.ErrorCode;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Estimate;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Incidents and the state of every watched stream. */
@Singleton
public final class Incidents {
  static final int LIST_MAX = 200;
  private static final int MANIFESTS_MAX = 16;
  private static final String PREFIX = "incident-";
  // Begin page tokens.
  private static final String OPEN = "open-";
  private static final String RESOLVED = "resolved-";
  private static final Pattern TOKEN = Pattern.compile("(open|resolved)-[0-9]{1,18}");

  private final Database database;
  private final AuditLog audit;
  private final Monitoring monitoring;
  private final ApplicationEventPublisher<IncidentResolved> ended;
  private final Clock clock = Clock.systemUTC();

  Incidents(
      Database database,
      AuditLog audit,
      Monitoring monitoring,
      ApplicationEventPublisher<IncidentResolved> ended) {
    this.ended = ended;
    this.database = database;
    this.audit = audit;
    this.monitoring = monitoring;
  }

  /** Open incidents, newest first, then those that were resolved; the first part of the list. */
  public List<io.skerry.api.Incident> newest() {
    return list("", LIST_MAX).items();
  }

  /**
   * A part of that list.
   *
   * @param pageToken of the part before, empty for the first
   * @param limit at most {@value #LIST_MAX}
   * @throws ProblemException if the token is none
   */
  Page<io.skerry.api.Incident> list(String pageToken, int limit) {
    Place after = place(pageToken);
    List<Stored> some = database.call(transaction -> IncidentStore.list(transaction, after, limit));
    return new Page<>(
        some.stream().map(Incidents::view).toList(),
        some.size() < limit ? null : token(Place.of(some.getLast())));
  }

  private static String token(Place place) {
    return (place.resolved() ? RESOLVED : OPEN) + place.number();
  }

  private static Place place(String token) {
    if (token.isEmpty()) {
      return Place.START;
    }
    if (!TOKEN.matcher(token).matches()) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "pageToken '%s' is none that a list of incidents told: leave it out for the first part"
              .formatted(token));
    }
    boolean resolved = token.startsWith(RESOLVED);
    return new Place(
        resolved, Long.parseLong(token.substring((resolved ? RESOLVED : OPEN).length())));
  }

  /** The whole list, at most so many. */
  List<io.skerry.api.Incident> all(int most) {
    List<io.skerry.api.Incident> all = new ArrayList<>();
    @Nullable String token = "";
    while (token != null && all.size() < most) {
      Page<io.skerry.api.Incident> some = list(token, Math.min(LIST_MAX, most - all.size()));
      all.addAll(some.items());
      token = some.nextPageToken();
    }
    return all;
  }

  /** Does something for every open incident, oldest first, outside of a transaction. */
  public void forEachOpen(Consumer<io.skerry.api.Incident> act) {
    long after = 0;
    List<Stored> some;
    do {
      long from = after;
      some = database.call(transaction -> IncidentStore.openAfter(transaction, from, LIST_MAX));
      for (Stored stored : some) {
        after = stored.number();
        act.accept(view(stored));
      }
    } while (some.size() == LIST_MAX);
  }

  /** One incident. */
  public Optional<io.skerry.api.Incident> find(String id) {
    return database.call(transaction -> stored(transaction, id).map(Incidents::view));
  }

  /** When the window began in which an incident seems to have begun. */
  public Optional<Instant> onset(String id) {
    return database.call(
        transaction ->
            stored(transaction, id)
                .map(
                    found ->
                        Instant.ofEpochMilli(
                            found.track().startMillis(found.incident().finding().onsetWindow()))));
  }

  /**
   * Ends an incident: the cohort's devices learn their baselines anew from then on. Nothing happens
   * when it has ended before.
   *
   * @throws ProblemException if there is none of this id
   */
  public io.skerry.api.Incident resolve(Actor actor, String id, String reason) {
    return database.call(
        transaction -> {
          Stored found = stored(transaction, id).orElseThrow(() -> unknown(id));
          // The judge takes the same lock: no window is judged between reading and releasing.
          long through = DriftStore.lock(transaction, found.track());
          Stored current = stored(transaction, id).orElseThrow(() -> unknown(id));
          if (current.incident().isOpen()) {
            Incident resolved =
                IncidentMachine.after(current.incident(), new IncidentEvent.Resolved(reason));
            IncidentStore.resolve(
                transaction,
                current.number(),
                resolved,
                through,
                true,
                clock.instant().truncatedTo(ChronoUnit.MICROS));
            stored(transaction, id)
                .map(Incidents::view)
                .ifPresent(
                    view -> ended.publishEvent(new IncidentResolved(transaction, view, reason)));
            audit.append(
                transaction, actor, AuditLog.Act.of("incident.resolved", "incident/" + id, reason));
          }
          return stored(transaction, id).map(Incidents::view).orElseThrow(() -> unknown(id));
        });
  }

  /**
   * What the last judged window said about every cohort and stream, of the {@value
   * DriftStore#TRACKS_AT_ONCE_MAX} models and slots that were judged last.
   */
  public List<DriftStream> streams() {
    return streams(0);
  }

  /** The same of those after the first so many. */
  List<DriftStream> streams(int after) {
    return database.call(
        transaction ->
            DriftStore.live(transaction, after).stream()
                .flatMap(newest -> streams(transaction, newest.track()))
                .toList());
  }

  /**
   * The same as {@link #streams()}, of one model in a slot after another: those of 100 features and
   * 32 cohorts are some 10 MB.
   */
  public void forEachStreams(Consumer<List<DriftStream>> told) {
    for (DriftStore.Newest one : database.call(transaction -> DriftStore.live(transaction, 0))) {
      Track track = one.track();
      told.accept(streams(track.slot(), track.model(), track.windowMillis()));
    }
  }

  /**
   * The same of one model in a slot.
   *
   * @param windowMillis length of windows; 0 = that which was judged latest
   */
  public List<DriftStream> streams(String slot, String model, long windowMillis) {
    return database.call(
        transaction -> streams(transaction, new Track(slot, model, windowMillis)).toList());
  }

  /** Whether there are models and slots after the first so many. */
  boolean hasStreams(int after) {
    return tracksAfter(after) > 0;
  }

  /** Models, slots and lengths of windows that {@link #streams()} leaves out. */
  public long tracksLeftOut() {
    return tracksAfter(DriftStore.TRACKS_AT_ONCE_MAX);
  }

  private long tracksAfter(int after) {
    return Math.max(0, database.<Long>call(DriftStore::live) - after);
  }

  private static Stream<DriftStream> streams(Transaction transaction, Track of) {
    return DriftStore.latest(transaction, of.slot(), of.model(), of.windowMillis()).stream()
        .flatMap(latest -> streams(transaction, latest));
  }

  private static Stream<DriftStream> streams(Transaction transaction, DriftStore.Latest latest) {
    Track track = latest.track();
    Optional<StoredDistances.OfWindow> distances =
        StoredDistances.upTo(transaction, track, latest.window())
            .filter(of -> of.window() == latest.window());
    return latest.verdicts().stream()
        .map(
            verdict ->
                new DriftStream(
                    track.slot(),
                    track.model(),
                    track.windowMillis(),
                    latest.window(),
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
                    DriftReports.figure(verdict.shiftSigma(), Estimate::value),
                    DriftReports.figure(verdict.shiftSigma(), Estimate::low),
                    DriftReports.figure(verdict.shiftSigma(), Estimate::high),
                    distances
                        .flatMap(of -> of.of(verdict.cohort().toString(), verdict.stream()))
                        .orElse(null)));
  }

  /** The score from which a version's prediction is positive. */
  public double threshold(String model, long version) {
    return database.<Double>call(transaction -> threshold(transaction, model, version));
  }

  /** The same; empty where it says an amount, which is neither yes nor no. */
  public OptionalDouble positiveFrom(String model, long version) {
    return database.call(
        transaction ->
            saysAmount(transaction, model, version)
                ? OptionalDouble.empty()
                : OptionalDouble.of(threshold(transaction, model, version)));
  }

  /** Windows that confirmed an incident since it opened. */
  public int confirmations(String id) {
    return database
        .call(transaction -> stored(transaction, id))
        .map(found -> found.incident().confirmations())
        .orElse(0);
  }

  /** Whether actual or estimated accuracy fell in an incident's cohort. */
  public boolean isHarmful(String id) {
    return database
        .call(transaction -> stored(transaction, id))
        .flatMap(found -> found.incident().page())
        .filter(page -> page != Incident.Page.QUALITY)
        .isPresent();
  }

  /**
   * How right a version was on an incident's devices.
   *
   * @param cohort whose devices these are
   * @param champion the version that the incident is about
   * @param before what that one got right since the onset; empty with too few outcomes
   */
  public record Realised(String cohort, long champion, Optional<Accuracy> before, Accuracy since) {}

  /**
   * How right a version was on the devices of an incident since its onset, against the version that
   * the incident is about; empty while too few outcomes tell.
   */
  public Optional<Realised> realised(String id, long version) {
    return database.call(
        transaction ->
            stored(transaction, id)
                .flatMap(
                    found ->
                        accuracy(transaction, found, version)
                            .map(
                                since ->
                                    new Realised(
                                        found.incident().finding().cohort().toString(),
                                        found.version(),
                                        accuracy(transaction, found, found.version()),
                                        since))));
  }

  private Optional<Accuracy> accuracy(Transaction transaction, Stored found, long version) {
    long from = found.track().startMillis(found.incident().finding().onsetWindow());
    Season.Span span = Season.Span.whole(from, clock.millis());
    if (saysAmount(transaction, found.track().model(), version)) {
      return Optional.empty();
    }
    Stored of = found.ofVersion(version);
    double threshold = threshold(transaction, found.track(), version);
    return Accuracy.of(IncidentStore.outcomes(transaction, of, span).all(), threshold)
        .or(
            () -> {
              List<Accuracy.OfClass> told =
                  IncidentStore.classOutcomes(transaction, of, span).all();
              return Accuracy.ofClasses(told, Accuracy.comparable(told, told));
            });
  }

  /**
   * The open incident, if there is one, which says that values of an incident's model are missing,
   * impossible or stuck on devices that belong to its cohort; in words.
   */
  public Optional<String> quality(io.skerry.api.Incident incident) {
    return database.call(
        transaction ->
            stored(transaction, incident.id())
                .flatMap(
                    of ->
                        IncidentStore.open(transaction, of.track().model()).stream()
                            .filter(
                                one ->
                                    one.incident().doubtful().isPresent()
                                        && IncidentStore.overlap(transaction, one, of))
                            .findFirst())
                .map(
                    one ->
                        "%s, about %s of %s,"
                            .formatted(
                                one.id(),
                                one.incident().doubtful().orElseThrow(),
                                one.incident().finding().cohort())));
  }

  /** Whether a version says an amount: nothing of it is right or wrong. */
  boolean saysAmount(Transaction transaction, String model, long version) {
    return manifests(transaction, model, version).stream()
        .anyMatch(manifest -> monitoring.amountRange(manifest).isPresent());
  }

  // As packaged here, or as a device told: outcomes are kept for longer than windows are.
  private static List<String> manifests(Transaction transaction, String model, long version) {
    return transaction.list(
        """
        (select distinct manifest from variant
          where model = ? and version = ? and manifest is not null order by manifest limit ?)
        union all
        (select manifest from telemetry_window where model = ? and version = ? limit 1)
        """,
        row -> row.text("manifest"),
        model,
        version,
        MANIFESTS_MAX,
        model,
        version);
  }

  /** The score from which a version's prediction is positive. */
  public double threshold(Transaction transaction, String model, long version) {
    return manifests(transaction, model, version).stream()
        .map(monitoring::named)
        .flatMap(Optional::stream)
        .findFirst()
        .map(Monitoring.Monitored::threshold)
        .orElse(Monitoring.THRESHOLD);
  }

  double threshold(Transaction transaction, Track track, long version) {
    return transaction
        .first(
            """
            select manifest from telemetry_window where slot = ? and model = ? and version = ?
            limit 1
            """,
            row -> row.text("manifest"),
            track.slot(),
            track.model(),
            version)
        .flatMap(monitoring::named)
        .map(Monitoring.Monitored::threshold)
        .orElseGet(() -> threshold(transaction, track.model(), version));
  }

  static Optional<Stored> stored(Transaction transaction, String id) {
    try {
      return id.startsWith(PREFIX)
          ? IncidentStore.find(transaction, Long.parseLong(id.substring(PREFIX.length())))
          : Optional.empty();
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  static ProblemException unknown(String id) {
    return new ProblemException(
        ErrorCode.NOT_FOUND, "there is no incident '%s': see GET /v1/incidents".formatted(id));
  }

  static io.skerry.api.Incident view(Stored stored) {
    Incident incident = stored.incident();
    var finding = incident.finding();
    return new io.skerry.api.Incident(
        stored.id(),
        incident.state().name(),
        stored.track().model(),
        stored.version(),
        finding.cohort().toString(),
        finding.otherwise() == null ? "" : finding.otherwise().toString(),
        finding.feature(),
        stored.openedAt(),
        finding.onsetWindow(),
        finding.window(),
        EffectWords.shiftSigma(finding),
        finding.size().expectedCount() > 0 ? (Double) finding.psi() : null,
        finding.devices(),
        finding.logEvidence(),
        incident
            .harm()
            .map(
                harm ->
                    new io.skerry.api.Incident.Harm(
                        "balancedAccuracy",
                        harm.before().balanced().value(),
                        harm.after().balanced().value(),
                        harm.after().outcomes(),
                        harm.read() > 0 ? harm.read() : 1))
            .orElse(null),
        incident
            .estimate()
            .map(
                harm ->
                    new io.skerry.api.Incident.Harm(
                        "estimatedBalancedAccuracy",
                        harm.before().balanced().value(),
                        harm.after().balanced().value(),
                        harm.after().predictions(),
                        1))
            .orElse(null),
        incident.broken().stream()
            .map(one -> "%s %s".formatted(one.kind(), one.name()))
            .collect(Collectors.joining(", ")),
        new io.skerry.api.Incident.Effect(
            finding.movedBy().kind().name(),
            finding.movedBy().name(),
            finding.effect().value(),
            finding.effect().low(),
            finding.effect().high(),
            EffectWords.of(finding)));
  }
}

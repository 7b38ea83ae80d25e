package io.skerry.control.drift;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.drift.DriftStore.Judged;
import io.skerry.control.drift.DriftStore.Release;
import io.skerry.control.drift.IncidentStore.Stored;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.ingest.ModelRetention;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.incident.IncidentEvent;
import io.skerry.fleet.incident.IncidentMachine;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.drift.WindowVerdict;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Judges every window once its records had time to arrive, in the order of the windows.
 *
 * <p>A window is judged under a lock on its track, from the records received until a moment that is
 * kept: whoever judges next, after a restart or on another replica, replays what was judged and
 * comes to the same state. The ledger in memory is only a cache of that.
 */
@Singleton
final class DriftService {
  private static final Logger log = LoggerFactory.getLogger(DriftService.class);
  private static final long PERIOD_MILLIS = 500;
  private static final long GRACE_MILLIS = 1500;
  // Rows that are being committed right now could show up in a replay: leave them out.
  private static final long SETTLE_MILLIS = 300;
  private static final int WINDOWS_BEFORE_MAX = 16;
  private static final Duration FORGET_EVERY = Duration.ofHours(1);

  private final Database database;
  private final Monitoring monitoring;
  private final Incidents incidents;
  private final ApplicationEventPublisher<IncidentOpened> opened;
  private final ApplicationEventPublisher<HarmConfirmed> harmed;
  private final ApplicationEventPublisher<IncidentResolved> resolved;
  private final Clock clock = Clock.systemUTC();
  private final LongSupplier nanoTime;
  private final WindowReader reader;
  private final CohortScores scores;
  private final Map<Track, Replayed> ledgers = new HashMap<>();
  private final Map<Track, Retry> retries = new HashMap<>();
  private final Duration kept;
  private final Duration wait;
  private volatile @Nullable Thread loop;
  private @Nullable Loop forgetting;

  private static final class Replayed {
    private final DriftLedger ledger;
    private final List<Snapshots.Told> told = new ArrayList<>();
    private final Set<Long> released = new HashSet<>();
    private Instant gone = Instant.now();
    private long through = -1;
    private int sinceSnapshot;
    private boolean whole = true;

    Replayed(Track track) {
      ledger = new DriftLedger(DriftSettings.forWindows(track.windowMillis()));
    }

    void release(Release one) {
      ledger.release(one.cohort(), one.relearn());
      released.add(one.incident());
    }
  }

  @Inject
  DriftService(
      Database database,
      Monitoring monitoring,
      Incidents incidents,
      WindowLayouts layouts,
      IngestConfig config,
      ApplicationEventPublisher<IncidentOpened> opened,
      ApplicationEventPublisher<HarmConfirmed> harmed,
      ApplicationEventPublisher<IncidentResolved> resolved) {
    this(
        database,
        monitoring,
        incidents,
        layouts,
        config,
        opened,
        harmed,
        resolved,
        System::nanoTime);
  }

  DriftService(
      Database database,
      Monitoring monitoring,
      Incidents incidents,
      WindowLayouts layouts,
      IngestConfig config,
      ApplicationEventPublisher<IncidentOpened> opened,
      ApplicationEventPublisher<HarmConfirmed> harmed,
      ApplicationEventPublisher<IncidentResolved> resolved,
      LongSupplier nanoTime) {
    this.database = database;
    this.monitoring = monitoring;
    this.incidents = incidents;
    this.reader = new WindowReader(layouts, monitoring);
    this.scores = new CohortScores(reader);
    this.kept = config.retention().windows();
    this.wait = config.windowsWait();
    this.opened = opened;
    this.harmed = harmed;
    this.resolved = resolved;
    this.nanoTime = nanoTime;
  }

  @EventListener
  void onReady(ServerReady ready) {
    Thread started = Thread.ofPlatform().name("drift").daemon().unstarted(this::run);
    loop = started;
    started.start();
    forgetting = Loop.every("drift-retention", FORGET_EVERY, this::forgetOld);
  }

  @PreDestroy
  void close() {
    Thread running = loop;
    loop = null;
    if (running != null) {
      running.interrupt();
    }
    if (forgetting != null) {
      forgetting.close();
    }
  }

  /** Forgets judged windows whose records are no longer kept, and what devices were like then. */
  void forgetOld() {
    Map<String, Duration> own =
        database.call(transaction -> ModelRetention.of(transaction, ModelRetention.WINDOWS));
    forgetOld(now().minus(kept), "", own.keySet());
    own.forEach((model, of) -> forgetOld(now().minus(of), model, Set.of()));
    Duration longest = own.values().stream().reduce(kept, (a, b) -> a.compareTo(b) > 0 ? a : b);
    Instant before = now().minus(longest);
    database.run(transaction -> DriftStore.forgetAttributes(transaction, before));
  }

  private void forgetOld(Instant before, String model, Set<String> but) {
    while (database.<Integer>call(transaction -> DriftStore.forget(transaction, before, model, but))
        > 0) {
      log.atInfo().addKeyValue("before", before).log("judged windows forgotten");
    }
  }

  private void run() {
    try {
      while (loop == Thread.currentThread()) {
        Thread.sleep(PERIOD_MILLIS);
        tick();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // A failed tick must not end the loop: the next one replays what is stored.
  void tick() {
    try {
      judgeDue(waiting());
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
      ledgers.clear();
      if (loop != null) {
        log.atError().setCause(e).log("windows could not be judged");
      }
    }
  }

  private Set<Track> waiting() {
    long now = nanoTime.getAsLong();
    return retries.entrySet().stream()
        .filter(entry -> entry.getValue().isWaiting(now))
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  /** Judges all that is due, also of tracks that failed a moment ago. */
  void judgeDue() {
    judgeDue(Set.of());
  }

  // A track whose window failed waits for it: its windows are judged in their order.
  private void judgeDue(Set<Track> waiting) {
    Set<Track> left = new HashSet<>(waiting);
    for (DriftStore.Due due :
        database.call(
            transaction -> DriftStore.due(transaction, now(), GRACE_MILLIS, wait.toMillis()))) {
      Track track = due.track();
      if (!left.contains(track) && !judged(track, due.window())) {
        left.add(track);
      }
    }
  }

  // Its own transaction: what cannot be stored must not keep windows from being judged.
  private void keepSnapshot(Track track) {
    Replayed replayed = ledgers.get(track);
    if (replayed == null || replayed.told.isEmpty()) {
      return;
    }
    try {
      database.run(
          transaction -> {
            // An erasure takes the stored states away: the next is made without what was erased.
            boolean due =
                replayed.sinceSnapshot >= Snapshots.EVERY
                    || Snapshots.erasedSince(transaction, replayed.gone);
            if (!due || DriftStore.lock(transaction, track) != replayed.through) {
              return;
            }
            Instant now = now();
            Set<DeviceId> here = Snapshots.here(transaction, replayed.gone);
            replayed.ledger.retain(here::contains);
            Snapshots.keep(
                transaction,
                track,
                new Snapshots.Snapshot(replayed.through, now, replayed.told, replayed.released),
                replayed.ledger);
            replayed.gone = now;
            replayed.sinceSnapshot = 0;
          });
    } catch (RuntimeException e) {
      replayed.sinceSnapshot = 0;
      log.atWarn()
          .addKeyValue("slot", track.slot())
          .addKeyValue("model", track.model())
          .addKeyValue("window", replayed.through)
          .setCause(e)
          .log("the state of drift was not stored: a start judges more windows again");
    }
  }

  // What one track holds must not cost the others; its ledger is made again from what is stored.
  boolean judged(Track track, long window) {
    try {
      database.run(transaction -> judge(transaction, track, window));
      retries.remove(track);
      keepSnapshot(track);
      return true;
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
      ledgers.remove(track);
      long now = nanoTime.getAsLong();
      Retry retry =
          retries.compute(track, (key, last) -> last == null ? Retry.first(now) : last.next(now));
      if (loop != null) {
        log.atError()
            .addKeyValue("slot", track.slot())
            .addKeyValue("model", track.model())
            .addKeyValue("window", window)
            .addKeyValue("triedAgainIn", retry.pause())
            .setCause(e)
            .log("window could not be judged");
      }
      return false;
    }
  }

  private void judge(Transaction transaction, Track track, long window) {
    long judgedThrough = DriftStore.lock(transaction, track);
    if (judgedThrough >= window) {
      return;
    }
    Replayed replayed = current(transaction, track, judgedThrough);
    Optional<Instant> before = DriftStore.receivedUntil(transaction, track, judgedThrough);
    Instant receivedUntil = receivedUntil(transaction, before);
    WindowReader.Window read = reader.withOutcomes(transaction, track, window, receivedUntil);
    register(replayed, read);
    WindowReader.Late late =
        before
            .map(after -> reader.late(transaction, track, window, after, receivedUntil))
            .orElse(WindowReader.Late.NONE);
    WindowVerdict verdict = replayed.ledger.judgeAndMeasure(window, read.devices(), late.windows());
    replayed.through = window;
    replayed.sinceSnapshot++;
    DriftStore.judged(transaction, track, verdict, receivedUntil, read, late);
    StoredScores.keep(transaction, track, window, read.devices());
    StoredScores.keepLate(transaction, track, read.devices(), late.windows());
    live(transaction, track, verdict, replayed, read, late, receivedUntil);
    if (verdict.found().isPresent()) {
      open(transaction, track, verdict, read, replayed.ledger);
    }
  }

  // By the clock that told when records were received, which servers have in common; and never
  // before the last one, should that clock be set back: what came in between would come twice.
  private static Instant receivedUntil(Transaction transaction, Optional<Instant> before) {
    Instant now = DriftStore.now(transaction).minusMillis(SETTLE_MILLIS);
    return before.filter(now::isBefore).orElse(now);
  }

  private Replayed current(Transaction transaction, Track track, long judgedThrough) {
    List<Release> releases = DriftStore.releases(transaction, track);
    Replayed replayed = ledgers.get(track);
    if (replayed == null || replayed.through > judgedThrough || !takesOver(replayed, releases)) {
      replayed = goOn(transaction, track, judgedThrough, releases);
      ledgers.put(track, replayed);
    }
    for (Judged judged : DriftStore.judgedAfter(transaction, track, replayed.through)) {
      replay(transaction, track, replayed, releases, judged);
    }
    return replayed;
  }

  // From the newest state that is stored and knows of no other past, or from the first window.
  private Replayed goOn(
      Transaction transaction, Track track, long judgedThrough, List<Release> releases) {
    for (Snapshots.Snapshot one : Snapshots.upTo(transaction, track, judgedThrough)) {
      Optional<Replayed> restored = restored(transaction, track, one);
      if (restored.isPresent() && takesOver(restored.get(), releases)) {
        return restored.get();
      }
    }
    return new Replayed(track);
  }

  private Optional<Replayed> restored(
      Transaction transaction, Track track, Snapshots.Snapshot snapshot) {
    Replayed replayed = new Replayed(track);
    try {
      for (Snapshots.Told told : snapshot.versions()) {
        Optional<Monitoring.Monitored> found = monitoring.of(told.digest());
        if (found.isEmpty()) {
          return Optional.empty();
        }
        replayed.ledger.register(told.of(track), found.get().streams());
        replayed.told.add(told);
      }
      replayed.ledger.read(Snapshots.parts(transaction, track, snapshot.through()));
    } catch (IllegalArgumentException | IllegalStateException e) {
      log.atWarn()
          .addKeyValue("slot", track.slot())
          .addKeyValue("model", track.model())
          .addKeyValue("window", snapshot.through())
          .setCause(e)
          .log("a stored state of drift is left out: windows are judged again");
      return Optional.empty();
    }
    replayed.through = snapshot.through();
    replayed.released.addAll(snapshot.releases());
    replayed.gone = snapshot.madeAt();
    return Optional.of(replayed);
  }

  /**
   * Tells a ledger what ended since its last window; false when something ended before, or did not
   * end after all, of which it knows otherwise.
   */
  private static boolean takesOver(Replayed replayed, List<Release> releases) {
    Set<Long> ended = releases.stream().map(Release::incident).collect(Collectors.toSet());
    List<Release> news =
        releases.stream()
            .filter(one -> one.after() <= replayed.through)
            .filter(one -> !replayed.released.contains(one.incident()))
            .toList();
    if (!ended.containsAll(replayed.released)
        || news.stream().anyMatch(one -> one.after() < replayed.through)) {
      return false;
    }
    news.forEach(replayed::release);
    return true;
  }

  private WindowVerdict replay(
      Transaction transaction,
      Track track,
      Replayed replayed,
      List<Release> releases,
      Judged judged) {
    WindowReader.Window read =
        reader.withOutcomes(transaction, track, judged.window(), judged.receivedUntil());
    WindowReader.Late late =
        judged
            .before()
            .filter(before -> judged.late().isPresent())
            .map(
                before ->
                    reader.late(
                        transaction, track, judged.window(), before, judged.receivedUntil()))
            .orElse(WindowReader.Late.NONE);
    replayed.whole &= judged.isWhole(read, late);
    register(replayed, read);
    WindowVerdict verdict = replayed.ledger.judge(judged.window(), read.devices(), late.windows());
    // Found now, but not by the build that judged it: nobody was told, so it may be found again.
    verdict
        .found()
        .map(DriftFinding::cohort)
        .filter(cohort -> !DriftStore.isTold(transaction, track, cohort, judged.window()))
        .ifPresent(cohort -> replayed.ledger.release(cohort, false));
    for (Release release : releases) {
      if (release.after() == judged.window()) {
        replayed.release(release);
      }
    }
    replayed.through = judged.window();
    replayed.sinceSnapshot++;
    return verdict;
  }

  /**
   * A window that was judged once more.
   *
   * @param ledger as it was then
   */
  record Again(WindowVerdict verdict, DriftLedger ledger) {}

  /**
   * A window judged once more from what is stored; empty when something of it or of the windows
   * before is gone, by which its baselines were learned.
   */
  Optional<Again> judgeAgain(Transaction transaction, Track track, long window) {
    // Who resolved an incident after this window was judged had no part in it.
    List<Release> releases =
        DriftStore.releases(transaction, track).stream()
            .filter(release -> release.after() < window || !release.relearn())
            .toList();
    Replayed replayed = goOn(transaction, track, window - 1, releases);
    if (!DriftStore.isWhole(transaction, track, replayed.through, window)) {
      return Optional.empty();
    }
    Optional<WindowVerdict> last = Optional.empty();
    for (Judged judged : DriftStore.judgedAfter(transaction, track, replayed.through)) {
      if (judged.window() > window) {
        break;
      }
      last = Optional.of(replay(transaction, track, replayed, releases, judged));
    }
    return last.filter(verdict -> replayed.whole && verdict.window() == window)
        .map(verdict -> new Again(verdict, replayed.ledger));
  }

  private void register(Replayed replayed, WindowReader.Window read) {
    read.manifests().entrySet().stream()
        .filter(entry -> !replayed.ledger.knows(entry.getKey()))
        .sorted(Comparator.comparingLong(entry -> entry.getKey().version()))
        .forEach(
            entry ->
                monitoring
                    .of(entry.getValue())
                    .ifPresent(
                        found -> {
                          replayed.ledger.register(entry.getKey(), found.streams());
                          replayed.told.add(
                              new Snapshots.Told(
                                  entry.getKey().version(), entry.getValue().toString()));
                        }));
  }

  private void open(
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
            view -> opened.publishEvent(new IncidentOpened(transaction, view, incident.page())));
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

  private void live(
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
        incident = IncidentMachine.after(incident, new IncidentEvent.Persisted());
      }
      CohortScores.Came came =
          new CohortScores.Came(verdict.window(), read.devices(), late.windows(), receivedUntil);
      for (IncidentEvent counted : accuracies(transaction, stored, came)) {
        incident = IncidentMachine.after(incident, counted);
      }
      IncidentStore.update(transaction, stored.number(), incident);
      // Who was woken for it before need not be woken again, though it went away meanwhile.
      Optional<Incident.Page> page = incident.page();
      if (page.isPresent() && !page.equals(stored.paged())) {
        tellHarm(transaction, stored.number(), page.get());
      }
    }
  }

  private void tellHarm(Transaction transaction, long number, Incident.Page page) {
    log.atWarn().addKeyValue("incident", number).addKeyValue("page", page).log("harm shown");
    IncidentStore.find(transaction, number)
        .map(Incidents::view)
        .ifPresent(view -> harmed.publishEvent(new HarmConfirmed(transaction, view, page)));
  }

  private void tellResolved(Transaction transaction, long number, String reason) {
    IncidentStore.find(transaction, number)
        .map(Incidents::view)
        .ifPresent(view -> resolved.publishEvent(new IncidentResolved(transaction, view, reason)));
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
    Track track = stored.track();
    long onset = stored.incident().finding().onsetWindow();
    long from = track.startMillis(onset - WINDOWS_BEFORE_MAX);
    long since = track.startMillis(onset);
    long until = now().toEpochMilli();
    Optional<Accuracy> before =
        Accuracy.of(IncidentStore.outcomes(transaction, stored, from, since), threshold);
    Optional<Accuracy> after =
        Accuracy.of(IncidentStore.outcomes(transaction, stored, since, until), threshold);
    if (before.isEmpty() && after.isEmpty()) {
      List<Accuracy.OfClass> told = IncidentStore.classOutcomes(transaction, stored, from, since);
      List<Accuracy.OfClass> news = IncidentStore.classOutcomes(transaction, stored, since, until);
      Set<Integer> classes = Accuracy.comparable(told, news);
      before = Accuracy.ofClasses(told, classes);
      after = Accuracy.ofClasses(news, classes);
    }
    return before.isEmpty() || after.isEmpty()
        ? Optional.empty()
        : Optional.of(new IncidentEvent.OutcomesCounted(before.get(), after.get()));
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}

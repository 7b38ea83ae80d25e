package io.skerry.control.drift;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.drift.DriftStore.Release;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.IngestConfig;
import io.skerry.control.ingest.ModelRetention;
import io.skerry.control.ingest.Receiving;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.drift.WindowVerdict;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
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
  // Rows that are being committed right now could show up in a replay: leave them out, for a while
  // at least, and as long as somebody stores some.
  private static final long SETTLE_MILLIS = 300;
  private static final Duration FORGET_EVERY = Duration.ofHours(1);

  // Of a track that nothing comes of for longer the ledger is let go.
  private static final Duration IDLE_MIN = Duration.ofHours(1);
  private static final int IDLE_WINDOWS = 3;

  private final Database database;
  private final Clock clock = Clock.systemUTC();
  private final LongSupplier nanoTime;
  private final WindowReader reader;
  private final Replays replays;
  private final WindowIncidents incidents;
  private final Map<Track, Replayed> ledgers = new HashMap<>();
  private final Map<Track, Retry> retries = new HashMap<>();
  private final Backlogs backlogs;
  private final Duration kept;
  private final Duration outcomesKept;
  private final Duration wait;
  private final Duration judged;
  private volatile @Nullable Thread loop;
  private @Nullable Loop forgetting;

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
    this.reader = new WindowReader(layouts, monitoring);
    this.replays = new Replays(reader, monitoring);
    this.incidents =
        new WindowIncidents(
            incidents,
            new CohortScores(reader),
            new WindowIncidents.Told(opened, harmed, resolved),
            clock);
    this.kept = config.retention().windows();
    this.outcomesKept = config.retention().feedback();
    this.wait = config.windowsWait();
    this.judged = config.judgedWindow();
    this.nanoTime = nanoTime;
    this.backlogs = new Backlogs(nanoTime);
  }

  @EventListener
  void onReady(ServerReady ready) {
    if (isWithoutSeason(judged)) {
      log.atWarn()
          .addKeyValue("judgedWindow", judged)
          .log(
              "windows of this length know no season, so the day's course looks like drift: set ingest.judged-window from 15m to 6h");
    }
    Thread started = Thread.ofPlatform().name("drift").daemon().unstarted(this::run);
    loop = started;
    started.start();
    forgetting = Loop.every("drift-retention", FORGET_EVERY, this::forgetOld);
  }

  /** Whether windows are judged together in spans that do not know the day's course. */
  static boolean isWithoutSeason(Duration judgedWindow) {
    return !judgedWindow.isZero()
        && DriftSettings.forWindows(judgedWindow.toMillis()).seasonWindows() == 1;
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
    Map<String, Duration> outcomes =
        database.call(transaction -> ModelRetention.of(transaction, ModelRetention.FEEDBACK));
    Duration longest =
        Stream.of(own.values(), outcomes.values(), List.of(kept, outcomesKept))
            .flatMap(Collection::stream)
            .max(Comparator.naturalOrder())
            .orElse(kept);
    Instant before = now().minus(longest);
    database.run(transaction -> DriftStore.forgetAttributes(transaction, before));
    database.run(DriftStore::forgetTracks);
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
      List<DriftStore.Due> due = due();
      Set<Track> left = waiting();
      left.addAll(database.call(transaction -> backlogs.of(transaction, due)));
      judge(due, left);
      letGo();
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
      ledgers.clear();
      if (loop != null) {
        log.atError().setCause(e).log("windows could not be judged");
      }
    }
  }

  // It is made again from what is stored when something comes: models, slots and lengths change.
  private void letGo() {
    long now = nanoTime.getAsLong();
    ledgers
        .entrySet()
        .removeIf(
            entry ->
                now - entry.getValue().usedNanos
                    > Math.max(
                        IDLE_MIN.toNanos(),
                        Duration.ofMillis(IDLE_WINDOWS * entry.getKey().windowMillis()).toNanos()));
  }

  /** Ledgers that are in memory. */
  int ledgersHeld() {
    return ledgers.size();
  }

  private Set<Track> waiting() {
    long now = nanoTime.getAsLong();
    return retries.entrySet().stream()
        .filter(entry -> entry.getValue().isWaiting(now))
        .map(Map.Entry::getKey)
        .collect(Collectors.toCollection(HashSet::new));
  }

  /** Judges all that is due, also of tracks that failed a moment ago, or that more of comes. */
  void judgeDue() {
    judge(due(), Set.of());
  }

  private List<DriftStore.Due> due() {
    return database.call(
        transaction ->
            DriftStore.due(transaction, heardUntil(transaction), GRACE_MILLIS, wait.toMillis()));
  }

  // A track whose window failed waits for it: its windows are judged in their order.
  private void judge(List<DriftStore.Due> all, Set<Track> waiting) {
    Set<Track> left = new HashSet<>(waiting);
    for (DriftStore.Due due : all) {
      Track track = due.track();
      if (!left.contains(track) && !judged(track, due.window())) {
        left.add(track);
      }
    }
  }

  // What came in time and is still being stored is waited for.
  private Instant heardUntil(Transaction transaction) {
    Instant now = now();
    return Receiving.since(transaction).filter(now::isAfter).orElse(now);
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
      boolean judged = database.<Boolean>call(transaction -> judge(transaction, track, window));
      retries.remove(track);
      keepSnapshot(track);
      return judged;
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

  private boolean judge(Transaction transaction, Track track, long window) {
    long judgedThrough = DriftStore.lock(transaction, track);
    if (judgedThrough >= window) {
      return true;
    }
    Replayed replayed = current(transaction, track, judgedThrough);
    Optional<Instant> before = DriftStore.receivedUntil(transaction, track, judgedThrough);
    Instant receivedUntil = receivedUntil(transaction, before);
    WindowReader.Window read = reader.withOutcomes(transaction, track, window, receivedUntil);
    if (read.records() == 0
        && DriftStore.isReceivedAfter(transaction, track, window, receivedUntil)) {
      // Judged of nothing, all of it would be late.
      return false;
    }
    replays.register(replayed, read);
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
    incidents.live(transaction, track, verdict, replayed, read, late, receivedUntil);
    if (verdict.found().isPresent()) {
      incidents.open(transaction, track, verdict, read, replayed.ledger);
    }
    return true;
  }

  // By the clock that told when records were received, which servers have in common; and never
  // before the last one, should that clock be set back: what came in between would come twice.
  private static Instant receivedUntil(Transaction transaction, Optional<Instant> before) {
    Instant settled = DriftStore.now(transaction).minusMillis(SETTLE_MILLIS);
    Instant now = Receiving.since(transaction).filter(settled::isAfter).orElse(settled);
    return before.filter(now::isBefore).orElse(now);
  }

  private Replayed current(Transaction transaction, Track track, long judgedThrough) {
    List<Release> releases = DriftStore.releases(transaction, track);
    Replayed replayed = ledgers.get(track);
    if (replayed == null || replayed.through > judgedThrough || !replayed.takesOver(releases)) {
      replayed = replays.goOn(transaction, track, judgedThrough, releases);
      ledgers.put(track, replayed);
    }
    replays.catchUp(transaction, track, replayed, releases);
    replayed.usedNanos = nanoTime.getAsLong();
    return replayed;
  }

  /** As {@link Replays#judgeAgain}. */
  Replays.Again judgeAgain(Transaction transaction, Track track, long window) {
    return replays.judgeAgain(transaction, track, window);
  }

  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MICROS);
  }
}

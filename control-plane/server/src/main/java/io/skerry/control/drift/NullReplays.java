package io.skerry.control.drift;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.DriftPromise;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.WindowLayouts;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.DriftSettings;
import io.skerry.telemetry.drift.NullReplay;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks the promise about false incidents on the fleet's own windows, once a day and on demand: on
 * the newest ones during which no incident was on. So few windows, and those quiet ones, show gross
 * breaches only. Thread-safe.
 */
@Singleton
public final class NullReplays {
  private static final Logger log = LoggerFactory.getLogger(NullReplays.class);
  private static final Duration LOOK_EVERY = Duration.ofHours(1);
  private static final Duration REPLAY_EVERY = Duration.ofDays(1);

  /** Windows that are judged after the learning period, at most. */
  static final int WINDOWS_MAX = 150;

  // Of large fleets some devices say enough.
  private static final long DEVICE_WINDOWS_MAX = 200_000;
  private static final int DEALS = 2;
  private static final int DUE_MAX = 10_000;

  private final Database database;
  private final Monitoring monitoring;
  private final WindowReader reader;
  private final Gson gson = new Gson();
  private final Clock clock = Clock.systemUTC();
  private final ReentrantLock running = new ReentrantLock();
  private @Nullable Loop loop;

  NullReplays(Database database, Monitoring monitoring, WindowLayouts layouts) {
    this.database = database;
    this.monitoring = monitoring;
    this.reader = new WindowReader(layouts, monitoring);
  }

  private record Judged(Track track, long through) {}

  private record Stretch(long first, long last) {
    long windows() {
      return last - first + 1;
    }
  }

  private record Kept(NullReplay.Result result, Instant at) {}

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.every("null-replay", LOOK_EVERY, this::replayDue);
  }

  @PreDestroy
  void end() {
    if (loop != null) {
      loop.close();
    }
  }

  /** Replays every track whose last replay is a day old. */
  void replayDue() {
    for (Judged judged : due()) {
      if (running.tryLock()) {
        try {
          replay(judged);
        } catch (RuntimeException e) {
          log.atWarn()
              .addKeyValue("slot", judged.track().slot())
              .addKeyValue("model", judged.track().model())
              .setCause(e)
              .log("windows could not be replayed");
        } finally {
          running.unlock();
        }
      }
    }
  }

  /**
   * What is promised, and what the last replay found, for the {@value
   * DriftStore#TRACKS_AT_ONCE_MAX} tracks that were judged last.
   */
  public List<DriftPromise> promises() {
    return promises(0);
  }

  /** The same of those after the first so many. */
  List<DriftPromise> promises(int after) {
    return judged("", "", after).stream().map(Judged::track).map(this::promise).toList();
  }

  /** Tracks that {@link #promises()} leaves out. */
  public long tracksLeftOut() {
    return tracksAfter(DriftStore.TRACKS_AT_ONCE_MAX);
  }

  long tracksAfter(int after) {
    return Math.max(
        0,
        database.<Long>call(transaction -> transaction.number("select count(*) from drift_track"))
            - after);
  }

  /**
   * Replays now what is judged of a model in a slot.
   *
   * @throws ProblemException if nothing of it was judged yet, or a replay runs
   */
  List<DriftPromise> replay(String slot, String model) {
    List<Judged> wanted = judged(slot, model, 0);
    if (wanted.isEmpty()) {
      throw new ProblemException(
          ErrorCode.NOT_FOUND,
          "no window of model '%s' in slot '%s' was judged yet".formatted(model, slot));
    }
    if (!running.tryLock()) {
      throw new ProblemException(
          ErrorCode.STATE_CONFLICT, "windows are being replayed already: ask again when that ends");
    }
    try {
      for (Judged one : wanted) {
        if (!replay(one)) {
          throw new ProblemException(
              ErrorCode.STATE_CONFLICT,
              "of model '%s' in slot '%s' there are not more than %d windows in a row without an incident: wait for more"
                  .formatted(
                      model,
                      slot,
                      DriftSettings.forWindows(one.track().windowMillis()).learningWindows()));
        }
      }
    } finally {
      running.unlock();
    }
    return wanted.stream().map(Judged::track).map(this::promise).toList();
  }

  private DriftPromise promise(Track track) {
    DriftSettings settings = DriftSettings.forWindows(track.windowMillis());
    Optional<Kept> kept = kept(track);
    Optional<NullReplay.Result> result = kept.map(Kept::result);
    return new DriftPromise(
        track.slot(),
        track.model(),
        track.windowMillis(),
        settings.windowsPerFalseAlarm(),
        "EMPIRICAL",
        settings.seasonWindows() > 1
            ? "devices follow a season that is estimated, remember the window before, and share"
                + " what moves the whole fleet"
            : "so short a learning period cannot tell what lasts from noise",
        result.map(NullReplay.Result::windows).orElse(null),
        result.map(NullReplay.Result::incidents).orElse(null),
        result.map(NullReplay.Result::promised).orElse(null),
        result.map(NullReplay.Result::allowed).orElse(null),
        result.map(NullReplay.Result::isKept).orElse(null),
        kept.map(Kept::at).orElse(null));
  }

  private boolean replay(Judged judged) {
    Track track = judged.track();
    DriftSettings settings = DriftSettings.forWindows(track.windowMillis());
    Optional<Stretch> stretch = withoutIncident(judged, settings.learningWindows());
    if (stretch.isEmpty()) {
      return false;
    }
    Map<String, Map<String, String>> attributes = attributes(stretch.get().windows());
    NullReplay replay = new NullReplay(settings, attributes, DEALS, stretch.get().last());
    for (long window = stretch.get().first(); window <= stretch.get().last(); window++) {
      long index = window;
      WindowReader.Window read =
          database.call(
              transaction -> reader.withOutcomes(transaction, track, index, clock.instant()));
      read.manifests().entrySet().stream()
          .filter(entry -> !replay.knows(entry.getKey()))
          .sorted(java.util.Comparator.comparingLong(entry -> entry.getKey().version()))
          .forEach(
              entry ->
                  monitoring
                      .of(entry.getValue())
                      .ifPresent(found -> replay.register(entry.getKey(), found.streams())));
      List<DeviceWindow> devices =
          read.devices().stream()
              .filter(one -> attributes.containsKey(one.device().value()))
              .toList();
      replay.judge(window, devices);
    }
    NullReplay.Result result = replay.result();
    keep(track, result);
    (result.isKept() ? log.atInfo() : log.atWarn())
        .addKeyValue("slot", track.slot())
        .addKeyValue("model", track.model())
        .addKeyValue("windows", result.windows())
        .addKeyValue("falseIncidents", result.incidents())
        .addKeyValue("promised", result.promised())
        .log("windows replayed with attributes dealt anew");
    return true;
  }

  private record On(long onset, long through) {}

  // While an incident is on, its devices differ from all others however attributes are dealt.
  private Optional<Stretch> withoutIncident(Judged judged, int learning) {
    Track track = judged.track();
    List<On> incidents =
        database.call(
            transaction ->
                transaction.list(
                    """
                    select onset_window, coalesce(resolved_after, ?) as through from incident
                    where slot = ? and model = ? and window_millis = ?
                    order by onset_window desc limit 1000
                    """,
                    row -> new On(row.bigint("onset_window"), row.bigint("through")),
                    judged.through(),
                    track.slot(),
                    track.model(),
                    track.windowMillis()));
    long last = judged.through();
    while (true) {
      long end = last;
      List<On> before = incidents.stream().filter(one -> one.onset() <= end).toList();
      long first =
          Math.max(
              before.stream().mapToLong(On::through).max().orElse(-1) + 1,
              last - learning - WINDOWS_MAX + 1);
      if (last - first + 1 > learning) {
        return Optional.of(new Stretch(first, last));
      }
      if (before.isEmpty()) {
        return Optional.empty();
      }
      last = before.getFirst().onset() - 1;
    }
  }

  private Map<String, Map<String, String>> attributes(long windows) {
    return database.call(
        transaction -> {
          long devices = transaction.number("select count(*) from device");
          long every = Math.max(1, devices * windows / DEVICE_WINDOWS_MAX);
          Map<String, Map<String, String>> attributes = new HashMap<>();
          transaction.forEach(
              """
              select id, labels::text as labels, profile from device
              where mod(hashtext(id)::bigint + 2147483648, ?) = 0
              """,
              row -> {
                Map<String, String> of =
                    new HashMap<>(
                        gson.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {}));
                row.optionalText("profile")
                    .ifPresent(profile -> of.put(WindowReader.PROFILE, profile));
                attributes.put(row.text("id"), of);
              },
              every);
          return attributes;
        });
  }

  private List<Judged> judged(String slot, String model, int after) {
    return database.call(
        transaction ->
            transaction.list(
                """
                select slot, model, window_millis, judged_through from drift_track
                where (? = '' or slot = ?) and (? = '' or model = ?)
                order by (judged_through + 1) * window_millis desc, slot, model, window_millis
                offset ? limit ?
                """,
                NullReplays::judged,
                slot,
                slot,
                model,
                model,
                (long) after,
                DriftStore.TRACKS_AT_ONCE_MAX));
  }

  private List<Judged> due() {
    return database.call(
        transaction ->
            transaction.list(
                """
                select slot, model, window_millis, judged_through
                from drift_track left join drift_null_replay using (slot, model, window_millis)
                where replayed_at is null or replayed_at < ?
                order by (judged_through + 1) * window_millis desc, slot, model, window_millis
                limit ?
                """,
                NullReplays::judged,
                clock.instant().minus(REPLAY_EVERY),
                DUE_MAX));
  }

  private static Judged judged(Row row) {
    return new Judged(DriftStore.track(row), row.bigint("judged_through"));
  }

  private Optional<Kept> kept(Track track) {
    return database.call(
        transaction ->
            transaction.first(
                """
                select * from drift_null_replay
                where slot = ? and model = ? and window_millis = ?
                """,
                row ->
                    new Kept(
                        new NullReplay.Result(
                            row.bigint("windows"),
                            row.integer("incidents"),
                            row.number("promised")),
                        row.instant("replayed_at")),
                track.slot(),
                track.model(),
                track.windowMillis()));
  }

  private void keep(Track track, NullReplay.Result result) {
    database.run(
        transaction ->
            transaction.update(
                """
                insert into drift_null_replay (slot, model, window_millis, windows, incidents,
                  promised, replayed_at) values (?, ?, ?, ?, ?, ?, ?)
                on conflict (slot, model, window_millis) do update set windows = excluded.windows,
                  incidents = excluded.incidents, promised = excluded.promised,
                  replayed_at = excluded.replayed_at
                """,
                track.slot(),
                track.model(),
                track.windowMillis(),
                result.windows(),
                result.incidents(),
                result.promised(),
                clock.instant().truncatedTo(ChronoUnit.MICROS)));
  }
}

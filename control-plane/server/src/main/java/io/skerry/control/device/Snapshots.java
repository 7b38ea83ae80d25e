package io.skerry.control.device;

import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Snapshot;
import io.skerry.artifact.trust.TrustException;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.DataFolder;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signs, again and again, that devices know the newest root and the newest release floors.
 *
 * <p>Versions never go down, also not after the database was restored from a backup: the newest of
 * the database, of the copy beside the keys, and of the seconds since 1970 goes before. Floors are
 * the highest of database and copy. Thread-safe.
 */
@Singleton
public final class Snapshots {
  private static final Logger log = LoggerFactory.getLogger(Snapshots.class);
  private static final int RENEWALS_PER_LIFE = 4;

  private final Database database;
  private final AuditLog audit;
  private final SigningKeys keys;
  private final DataFolder folder;
  private final TrustConfig config;
  private final InstantSource clock;
  private @Nullable Known known;

  private record Known(DsseEnvelope envelope, Snapshot snapshot) {}

  @Inject
  Snapshots(
      Database database, AuditLog audit, SigningKeys keys, DataFolder folder, TrustConfig config) {
    this(database, audit, keys, folder, config, InstantSource.system());
  }

  Snapshots(
      Database database,
      AuditLog audit,
      SigningKeys keys,
      DataFolder folder,
      TrustConfig config,
      InstantSource clock) {
    this.database = database;
    this.audit = audit;
    this.keys = keys;
    this.folder = folder;
    this.config = config;
    this.clock = clock;
  }

  /**
   * The newest snapshot that any server of the database signed; signed anew when a quarter of its
   * life is over.
   */
  public synchronized DsseEnvelope current() {
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Known before = known;
    return before == null || isDue(before.snapshot(), now) ? signed(now) : newest(before, now);
  }

  private boolean isDue(Snapshot snapshot, Instant now) {
    Instant renewAt =
        snapshot.issuedAt().plus(config.snapshotValidity().dividedBy(RENEWALS_PER_LIFE));
    // A clock that was set back must not leave a snapshot of the future standing for long.
    return snapshot.rootVersion() != keys.trust().root().version()
        || !now.isBefore(renewAt)
        || !renewAt.isBefore(now.plus(config.snapshotValidity()));
  }

  // Two servers that signed anew whenever they saw the other's would never come to an end: the
  // other's is taken, and only a floor that it does not bring is a reason to sign.
  private DsseEnvelope newest(Known before, Instant now) {
    record Elsewhere(Optional<String> envelope, Map<ModelName, Long> floors) {}
    Elsewhere elsewhere;
    try {
      elsewhere =
          database.call(
              transaction ->
                  new Elsewhere(
                      transaction.first(
                          "select envelope from trust_snapshot where version > ?",
                          row -> row.text("envelope"),
                          before.snapshot().version()),
                      floors(transaction)));
    } catch (DatabaseException e) {
      if (!e.isAway()) {
        throw e;
      }
      return before.envelope();
    }
    Known newest =
        elsewhere
            .envelope()
            .flatMap(envelope -> ownKeys(envelope.getBytes(StandardCharsets.UTF_8)))
            .filter(one -> !isDue(one.snapshot(), now))
            .orElse(before);
    boolean raised =
        elsewhere.floors().entrySet().stream()
            .anyMatch(
                floor ->
                    floor.getValue() > newest.snapshot().floors().getOrDefault(floor.getKey(), 0L));
    if (raised) {
      return signed(now);
    }
    if (!newest.equals(before)) {
      keep(newest);
    }
    return newest.envelope();
  }

  private Optional<Known> ownKeys(byte[] json) {
    try {
      return Optional.of(opened(json));
    } catch (SignatureInvalidException | TrustException e) {
      log.atDebug().setCause(e).log("another server's snapshot is not taken");
      return Optional.empty();
    }
  }

  private void keep(Known newest) {
    folder.writePrivately(file(), text(newest.envelope()));
    known = newest;
  }

  /**
   * Forbids devices to begin releases of a model below a counter. This cannot be taken back.
   *
   * @throws ProblemException if the floor is at least as high already
   */
  public synchronized void raiseFloor(Actor actor, ModelName model, long counter) {
    database.run(
        transaction -> {
          long before = floors(transaction).getOrDefault(model, 0L);
          if (counter <= before) {
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT,
                "the release floor of %s is %d already: floors only rise".formatted(model, before));
          }
          putFloor(transaction, model, counter, actor.name());
          audit.append(
              transaction,
              actor,
              new AuditLog.Act(
                  "release-floor.raised",
                  "model/" + model,
                  "",
                  "{\"counter\":%d}".formatted(before),
                  "{\"counter\":%d}".formatted(counter)));
        });
    signed(clock.instant().truncatedTo(ChronoUnit.SECONDS));
  }

  private DsseEnvelope signed(Instant now) {
    keys.warn(now);
    long root = keys.trust().root().version();
    Optional<Snapshot> copy = copy();
    Known made =
        database.call(
            transaction -> {
              Map<ModelName, Long> floors = new HashMap<>(floors(transaction));
              copy.map(Snapshot::floors)
                  .orElse(Map.of())
                  .forEach(
                      (model, counter) -> {
                        if (floors.merge(model, counter, Math::max).equals(counter)) {
                          putFloor(transaction, model, counter, "restored");
                        }
                      });
              long last =
                  Math.max(
                      transaction.number("select coalesce(max(version), 0) from trust_snapshot"),
                      copy.map(Snapshot::version).orElse(0L));
              Snapshot next =
                  new Snapshot(
                      Math.max(last + 1, now.getEpochSecond()),
                      now,
                      now.plus(config.snapshotValidity()),
                      root,
                      floors);
              DsseEnvelope envelope = next.signedBy(keys.snapshot());
              transaction.update(
                  """
                  insert into trust_snapshot (single, version, envelope, issued_at)
                  values (true, ?, ?, ?)
                  on conflict (single) do update set version = excluded.version,
                    envelope = excluded.envelope, issued_at = excluded.issued_at
                  """,
                  next.version(),
                  text(envelope),
                  now);
              return new Known(envelope, next);
            });
    keep(made);
    log.atInfo().addKeyValue("root", root).log("snapshot signed");
    return made.envelope();
  }

  private static Map<ModelName, Long> floors(Transaction transaction) {
    Map<ModelName, Long> floors = new HashMap<>();
    transaction.forEach(
        "select model, counter from release_floor",
        row -> floors.put(new ModelName(row.text("model")), row.bigint("counter")));
    return floors;
  }

  private static void putFloor(Transaction transaction, ModelName model, long counter, String by) {
    transaction.update(
        """
        insert into release_floor (model, counter, set_by, set_at) values (?, ?, ?, now())
        on conflict (model) do update set
          counter = greatest(release_floor.counter, excluded.counter),
          set_by = excluded.set_by, set_at = excluded.set_at
        where release_floor.counter < excluded.counter
        """,
        model.value(),
        counter,
        by);
  }

  /** What was signed last, if this server's own key signed it: a rotated one's floors are void. */
  private Optional<Snapshot> copy() {
    try {
      if (!Files.exists(file())) {
        return Optional.empty();
      }
      return Optional.of(opened(Files.readAllBytes(file())).snapshot());
    } catch (IOException | SignatureInvalidException | TrustException e) {
      log.atWarn()
          .addKeyValue("file", file())
          .addKeyValue("cause", String.valueOf(e.getMessage()))
          .log("the last snapshot's copy is not used");
      return Optional.empty();
    }
  }

  private Known opened(byte[] json) {
    DsseEnvelope envelope = DsseEnvelope.parseJson(json);
    return new Known(envelope, Snapshot.open(envelope, keys.trust().root().snapshot()));
  }

  private Path file() {
    return folder.keys().resolve("snapshot.json");
  }

  private static String text(DsseEnvelope envelope) {
    return new String(envelope.toJson(), StandardCharsets.UTF_8);
  }
}

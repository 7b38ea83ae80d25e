package io.skerry.control.audit;

import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Digest;
import jakarta.inject.Singleton;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The audit log. A row is written in the transaction of the act that it tells, so there is no act
 * without its row.
 *
 * <pre>
 * hash = sha256(previous hash, then each of: id, at in epoch microseconds, actor, act, object, reason,
 *               before, after, request id; as 4-byte big-endian length and UTF-8 bytes)
 * </pre>
 */
@Singleton
public final class AuditLog {
  private static final String FIRST = "0".repeat(64);
  // Any constant: makes appends wait for each other, since each needs its predecessor's hash.
  private static final long LOCK = 0x5343_4155_4449_5401L;

  private final Database database;
  private final Clock clock;

  AuditLog(Database database) {
    this.database = database;
    this.clock = Clock.systemUTC();
  }

  /**
   * One act.
   *
   * @param act past tense with its noun, for example {@code user.created}
   * @param object what it was done to, for example {@code user/ana}
   * @param reason the actor's own words, may be empty
   * @param before state before as JSON, empty when there was none
   * @param after state after as JSON, empty when there is none
   */
  public record Act(String act, String object, String reason, String before, String after) {
    /** An act that changes no state worth keeping. */
    public static Act of(String act, String object, String reason) {
      return new Act(act, object, reason, "", "");
    }
  }

  /** A written row. */
  public record Entry(
      long id, Instant at, Actor actor, Act act, String previousHash, String hash) {}

  private record Newest(long id, String hash) {}

  /** Appends a row to the caller's transaction; other appends wait until it ends. */
  public void append(Transaction transaction, Actor actor, Act act) {
    transaction.list("select pg_advisory_xact_lock(?)", row -> true, LOCK);
    // Of the newest row no more than is chained: one that somebody spoiled must not end all acts.
    Newest last =
        transaction
            .first(
                "select id, hash from audit_entry order by id desc limit 1",
                row -> new Newest(row.bigint("id"), row.text("hash")))
            .orElse(new Newest(0, FIRST));
    long id = last.id() + 1;
    String previous = last.hash();
    Instant at = clock.instant().truncatedTo(ChronoUnit.MICROS);
    transaction.update(
        """
        insert into audit_entry (id, at, actor, act, object, reason, before, after, request_id,
          previous_hash, hash)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        id,
        at,
        actor.name(),
        act.act(),
        act.object(),
        act.reason(),
        act.before(),
        act.after(),
        actor.requestId(),
        previous,
        hash(previous, id, at, actor, act));
  }

  /**
   * One row as it is listed.
   *
   * @param entry empty where it cannot be read: somebody changed it who owns the database
   */
  public record Line(long id, Optional<Entry> entry) {}

  /** The newest rows before an id, newest first. */
  public List<Line> newest(long beforeId, int limit) {
    return database.call(
        transaction ->
            transaction.list(
                "select * from audit_entry where id < ? order by id desc limit ?",
                row -> new Line(row.bigint("id"), readable(row)),
                beforeId,
                limit));
  }

  /**
   * What came of a check of the whole log.
   *
   * @param rows that it has
   * @param head hash of the newest row, which holds all others: who keeps it finds even a log that
   *     was written anew or cut off
   * @param firstBroken the id of the first row that does not fit the one before it, or cannot be
   *     read; empty when the log is sound
   */
  public record Checked(long rows, String head, OptionalLong firstBroken) {}

  /** Checks every row. */
  public Checked check() {
    return database.call(
        transaction -> {
          Chain chain = new Chain();
          transaction.forEach("select * from audit_entry order by id", chain::check);
          return new Checked(chain.id, chain.previous, chain.broken);
        });
  }

  /** Whether the newest row of an earlier check is still there, as it was. */
  boolean holds(Checked before) {
    return before.rows() == 0
        || database.call(
                transaction ->
                    transaction.number(
                        "select count(*) from audit_entry where id = ? and hash = ?",
                        before.rows(),
                        before.head()))
            > 0;
  }

  /** The id of the first row that does not fit the chain; empty when the whole log is sound. */
  public OptionalLong firstBroken() {
    return check().firstBroken();
  }

  private static final class Chain {
    private String previous = FIRST;
    private long id;
    private OptionalLong broken = OptionalLong.empty();

    void check(Row row) {
      id++;
      Optional<Entry> entry = readable(row);
      if (entry.filter(this::fits).isEmpty() && broken.isEmpty()) {
        broken = OptionalLong.of(entry.map(Entry::id).orElse(id));
      }
      previous = entry.map(Entry::hash).orElse("");
    }

    private boolean fits(Entry entry) {
      return entry.id() == id
          && entry.previousHash().equals(previous)
          && entry.hash().equals(hash(previous, id, entry.at(), entry.actor(), entry.act()));
    }
  }

  private static String hash(String previous, long id, Instant at, Actor actor, Act act) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(previous.getBytes(StandardCharsets.US_ASCII));
    for (String part :
        List.of(
            Long.toString(id),
            Long.toString(micros(at)),
            actor.name(),
            act.act(),
            act.object(),
            act.reason(),
            act.before(),
            act.after(),
            actor.requestId())) {
      byte[] text = part.getBytes(StandardCharsets.UTF_8);
      bytes.writeBytes(ByteBuffer.allocate(4).putInt(text.length).array());
      bytes.writeBytes(text);
    }
    return Digest.of(bytes.toByteArray()).hex();
  }

  // A null or a moment beyond all calendars is nothing that was ever written here.
  private static Optional<Entry> readable(Row row) {
    try {
      Entry entry = read(row);
      micros(entry.at());
      return Optional.of(entry);
    } catch (IllegalStateException | ArithmeticException | DateTimeException e) {
      return Optional.empty();
    } catch (DatabaseException e) {
      if (e.isAway()) {
        throw e;
      }
      return Optional.empty();
    }
  }

  private static long micros(Instant at) {
    return ChronoUnit.MICROS.between(Instant.EPOCH, at);
  }

  private static Entry read(Row row) {
    return new Entry(
        row.bigint("id"),
        row.instant("at"),
        new Actor(row.text("actor"), row.text("request_id")),
        new Act(
            row.text("act"),
            row.text("object"),
            row.text("reason"),
            row.text("before"),
            row.text("after")),
        row.text("previous_hash"),
        row.text("hash"));
  }
}

package io.skerry.control.dataset;

import com.google.gson.Gson;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.api.Erasure;
import io.skerry.api.ErasureRequest;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerReady;
import io.skerry.control.ingest.ErasureOrders;
import io.skerry.control.ingest.TelemetryEraser;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.TenantId;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Erases what is known of a device or a subject: samples waiting and in the lake, windows,
 * feedback, events, quarantine, and the examples that snapshots were grown by.
 *
 * <p>Every erasure is first written to {@code erasures.jsonl} in the data folder, which is the list
 * for backups: whoever brings a backup of database or lake back keeps this file, and the next start
 * carries out again what the backup does not know of. Subjects stand in it as pseudonyms.
 */
@Singleton
public final class Erasures {
  private static final Logger log = LoggerFactory.getLogger(Erasures.class);
  private static final int LIST_MAX = 500;
  private static final int SUBJECT_MAX = 1024;
  private static final TenantId TENANT = new TenantId("default");
  private static final Gson GSON = new Gson();

  private final Database database;
  private final TelemetryEraser telemetry;
  private final Datasets datasets;
  private final ArtifactStore artifacts;
  private final AuditLog audit;
  private final Path file;
  private final Clock clock = Clock.systemUTC();

  Erasures(
      Database database,
      TelemetryEraser telemetry,
      Datasets datasets,
      ArtifactStore artifacts,
      AuditLog audit,
      DataFolder folder) {
    this.artifacts = artifacts;
    this.database = database;
    this.telemetry = telemetry;
    this.datasets = datasets;
    this.audit = audit;
    this.file = folder.root().resolve("erasures.jsonl");
  }

  /** One line of the file. */
  private record Order(
      String id,
      String tenant,
      @Nullable String device,
      @Nullable String subject,
      String reason,
      String by,
      String at) {}

  /**
   * Erases at once; when this returns, nothing of it is left but in backups, and what it says that
   * it could not reach. What devices still hold of before is dropped when they send it.
   *
   * @throws ProblemException if the request names both or neither, or a device that never was here
   */
  public synchronized Erasure erase(Actor actor, ErasureRequest request) {
    String device = given(request.device());
    String subject = given(request.subject());
    if ((device == null) == (subject == null)) {
      throw invalid("name either a device or a subject");
    }
    if (request.reason().isBlank()) {
      throw invalid("a reason is needed: it is all that is left to tell why");
    }
    if (subject != null && subject.length() > SUBJECT_MAX) {
      throw invalid("a subject has at most %d characters".formatted(SUBJECT_MAX));
    }
    TenantId tenant = device == null ? TENANT : tenant(device);
    Order order =
        new Order(
            "erasure-" + UUID.randomUUID().toString().substring(0, 13),
            tenant.value(),
            device,
            subject == null ? null : telemetry.pseudonym(tenant, subject),
            request.reason(),
            actor.name(),
            clock.instant().truncatedTo(ChronoUnit.MICROS).toString());
    append(order);
    Erasure erased = carryOut(order);
    database.run(
        transaction ->
            audit.append(
                transaction,
                actor,
                AuditLog.Act.of(
                    "data.erased",
                    device != null ? "device/" + device : "subject/" + order.subject(),
                    request.reason())));
    return erased;
  }

  /** The erasures, newest first. */
  public List<Erasure> newest() {
    return database.call(
        transaction ->
            transaction.list(
                "select * from erasure order by requested_at desc limit " + LIST_MAX,
                Erasures::erasure));
  }

  @EventListener
  void again(ServerReady ready) {
    carryOutAgain();
  }

  /**
   * Carries out what the file names and the database does not know of. One that cannot be carried
   * out keeps neither the others nor the server from going on.
   */
  public synchronized void carryOutAgain() {
    if (!Files.exists(file)) {
      return;
    }
    try {
      for (String line : Files.readAllLines(file)) {
        // The last line is half a line after a power cut: then nothing was answered yet.
        Order order = line.endsWith("}") ? GSON.fromJson(line, Order.class) : null;
        if (order != null) {
          carryOutAgain(order);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void carryOutAgain(Order order) {
    try {
      if (!isKnown(order)) {
        carryOut(order);
        log.atWarn()
            .addKeyValue("erasure", order.id())
            .log("erasure carried out again: the database did not know of it");
      }
    } catch (RuntimeException e) {
      log.atError()
          .addKeyValue("erasure", order.id())
          .setCause(e)
          .log("erasure could not be carried out: mend what it says and start the server again");
    }
  }

  private boolean isKnown(Order order) {
    return database.call(
            transaction ->
                transaction.number("select count(*) from erasure where id = ?", order.id()))
        > 0;
  }

  private Erasure carryOut(Order order) {
    TenantId tenant = new TenantId(order.tenant());
    String device = order.device();
    String subject = order.subject();
    database.run(
        transaction ->
            ErasureOrders.tell(
                transaction, order.id(), tenant, device, subject, Instant.parse(order.at())));
    return database.call(
        transaction -> {
          TelemetryEraser.Erased erased =
              device != null
                  ? telemetry.device(transaction, tenant, device)
                  : telemetry.subject(transaction, tenant, subject == null ? "" : subject);
          long examples = datasets.erase(transaction, device, erased.predictions());
          insert(transaction, order, erased, examples);
          return transaction
              .first("select * from erasure where id = ?", Erasures::erasure, order.id())
              .orElseThrow();
        });
  }

  private void insert(
      Transaction transaction, Order order, TelemetryEraser.Erased erased, long examples) {
    transaction.update(
        """
        insert into erasure (id, tenant, device, subject, reason, requested_by, requested_at,
          erased_at, samples, windows, feedback, examples, beyond)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        order.id(),
        order.tenant(),
        order.device(),
        order.subject(),
        order.reason(),
        order.by(),
        Instant.parse(order.at()),
        clock.instant().truncatedTo(ChronoUnit.MICROS),
        erased.samples(),
        erased.windows(),
        erased.feedback(),
        examples,
        order.subject() == null
            ? held(transaction, order.device())
            : HiddenSubjects.told(transaction, artifacts).orElse(null));
  }

  // Whoever has the device in hand may read what it has not sent.
  private static @Nullable String held(Transaction transaction, @Nullable String device) {
    return transaction
        .first(
            "select 1 from device where id = ?",
            row ->
                "'%s' may still hold what it has not sent, or not yet been told is stored: it is dropped when it comes, and goes from the device with its data folder"
                    .formatted(device),
            device)
        .orElse(null);
  }

  private static Erasure erasure(Row row) {
    return new Erasure(
        row.text("id"),
        row.optionalText("device").orElse(null),
        row.optionalText("subject").orElse(null),
        row.text("reason"),
        row.text("requested_by"),
        row.instant("requested_at"),
        row.instant("erased_at"),
        row.bigint("samples"),
        row.bigint("windows"),
        row.bigint("feedback"),
        row.bigint("examples"),
        row.optionalText("beyond").orElse(null));
  }

  private TenantId tenant(String device) {
    return database
        .call(transaction -> TelemetryEraser.tenant(transaction, device))
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_FOUND,
                    "no device '%s' is here, and none was removed".formatted(device)));
  }

  private void append(Order order) {
    byte[] line = ("\n" + GSON.toJson(order)).getBytes(StandardCharsets.UTF_8);
    try (FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND)) {
      ByteBuffer left = ByteBuffer.wrap(line);
      while (left.hasRemaining()) {
        channel.write(left);
      }
      channel.force(true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static @Nullable String given(@Nullable String text) {
    return text == null || text.isBlank() ? null : text;
  }

  private static ProblemException invalid(String what) {
    return new ProblemException(ErrorCode.REQUEST_INVALID, what);
  }
}

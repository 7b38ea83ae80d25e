package io.skerry.control.packaging;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.sql.Database;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelName;
import io.skerry.telemetry.sketch.MonitoringSettings;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What people say about watching a model: features, privacy rules and bytes a day. It is of the
 * model and not of a version, so that what a pipeline trains and packages by itself keeps the
 * rules. Thread-safe.
 */
@Singleton
final class ModelMonitoring {
  static final int BYTES_MAX = 1 << 20;
  private static final Gson GSON = new Gson();

  private final Database database;
  private final AuditLog audit;
  private final Clock clock = Clock.systemUTC();

  ModelMonitoring(Database database, AuditLog audit) {
    this.database = database;
    this.audit = audit;
  }

  /** What was said last, as JSON; an empty group when nothing was. */
  String json(ModelName model) {
    return said(model).orElse("{}");
  }

  /** What was said last, as maps and lists; empty when nothing was. */
  Map<?, ?> tree(ModelName model) {
    return said(model).<Map<?, ?>>map(json -> GSON.fromJson(json, Map.class)).orElse(Map.of());
  }

  private Optional<String> said(ModelName model) {
    return database.call(
        transaction ->
            transaction.first(
                "select settings::text as settings from model_monitoring where model = ?",
                row -> row.text("settings"),
                model.value()));
  }

  /**
   * Replaces what was said; packagings that start from now on follow it.
   *
   * @throws ProblemException with every mistake, each with its field and what to do
   */
  String change(Actor actor, ModelName model, byte[] body) {
    String json = checked(body);
    database.run(
        transaction -> {
          String before =
              transaction
                  .first(
                      "select settings::text as settings from model_monitoring where model = ?"
                          + " for update",
                      row -> row.text("settings"),
                      model.value())
                  .orElse("");
          transaction.update(
              """
              insert into model_monitoring (model, settings, changed_by, changed_at)
              values (?, ?::jsonb, ?, ?)
              on conflict (model) do update set settings = excluded.settings,
                changed_by = excluded.changed_by, changed_at = excluded.changed_at
              """,
              model.value(),
              json,
              actor.name(),
              clock.instant().truncatedTo(ChronoUnit.MICROS));
          audit.append(
              transaction,
              actor,
              new AuditLog.Act(
                  "monitoring.changed",
                  "model/" + model,
                  "for packagings that start from now on",
                  before,
                  json));
        });
    return json(model);
  }

  private static String checked(byte[] body) {
    if (body.length > BYTES_MAX) {
      throw invalid("monitoring has %d bytes, at most %d".formatted(body.length, BYTES_MAX), null);
    }
    try {
      JsonElement said = JsonParser.parseString(new String(body, StandardCharsets.UTF_8));
      if (!said.isJsonObject()) {
        throw invalid("monitoring: it must hold 'features', 'privacy', 'budget' or 'unit'", null);
      }
      MonitoringSettings.of(GSON.fromJson(said, Map.class));
      return GSON.toJson(said);
    } catch (JsonParseException e) {
      throw invalid("monitoring is no JSON: " + e.getMessage(), e);
    } catch (MalformedDocumentException e) {
      throw invalid(String.valueOf(e.getMessage()), e);
    }
  }

  private static ProblemException invalid(String detail, @Nullable Throwable cause) {
    return cause == null
        ? new ProblemException(ErrorCode.REQUEST_INVALID, detail)
        : new ProblemException(ErrorCode.REQUEST_INVALID, detail, cause);
  }
}

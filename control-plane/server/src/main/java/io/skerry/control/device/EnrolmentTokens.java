package io.skerry.control.device;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.reflect.TypeToken;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenView;
import io.skerry.control.access.Secrets;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.ca.CertificateAuthority;
import io.skerry.control.host.Addresses;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** Tokens with which devices enrol; of each only its secret's hash is kept. */
@Singleton
final class EnrolmentTokens {
  static final int LISTED_MAX = 500;
  private static final String TOKEN_PREFIX = "skerry1.";

  private final Database database;
  private final AuditLog audit;
  private final SigningKeys keys;
  private final CertificateAuthority authority;
  private final Addresses addresses;
  private final Gson gson = new Gson();

  EnrolmentTokens(
      Database database,
      AuditLog audit,
      SigningKeys keys,
      CertificateAuthority authority,
      Addresses addresses) {
    this.database = database;
    this.audit = audit;
    this.keys = keys;
    this.authority = authority;
    this.addresses = addresses;
  }

  /**
   * What a token allows.
   *
   * @param preauthorisedOnly whether only pre-authorised names may use it
   */
  record Terms(
      int uses, Map<String, String> labels, Duration validity, boolean preauthorisedOnly) {}

  /** What a used token gives to its device. */
  record Grant(Map<String, String> labels, boolean preauthorisedOnly) {}

  EnrolmentToken create(Actor actor, Terms terms) {
    Labels.check(terms.labels());
    String secret = Secrets.random();
    Instant expiresAt = Instant.now().plus(terms.validity());
    long id =
        database.call(
            transaction -> {
              long made =
                  transaction.number(
                      """
                      insert into enrolment_token (secret_hash, labels, uses, uses_left,
                        preauthorised_only, created_by, created_at, expires_at)
                      values (?, ?::jsonb, ?, ?, ?, ?, now(), ?)
                      returning id
                      """,
                      Secrets.hash(secret),
                      gson.toJson(terms.labels()),
                      terms.uses(),
                      terms.uses(),
                      terms.preauthorisedOnly(),
                      actor.name(),
                      expiresAt);
              audit.append(
                  transaction,
                  actor,
                  new AuditLog.Act(
                      "enrolment-token.created",
                      "enrolment-token/" + made,
                      "",
                      "",
                      "{\"uses\":%d,\"preauthorisedOnly\":%b}"
                          .formatted(terms.uses(), terms.preauthorisedOnly())));
              return made;
            });
    return new EnrolmentToken(encoded(secret), terms.uses(), expiresAt, id);
  }

  private String encoded(String secret) {
    JsonObject token = new JsonObject();
    token.addProperty("url", addresses.get().controlBase().toString());
    token.addProperty("secret", secret);
    token.addProperty("ca", authority.fingerprint());
    token.addProperty("root", keys.rootFingerprint());
    return TOKEN_PREFIX
        + Base64.getUrlEncoder()
            .withoutPadding()
            .encodeToString(token.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** The newest tokens, used up and expired ones too. */
  List<EnrolmentTokenView> list() {
    return database.call(
        transaction ->
            transaction.list(
                """
                select id, uses, uses_left, labels::text as labels, preauthorised_only, created_by,
                  created_at, expires_at
                from enrolment_token order by id desc limit ?
                """,
                this::view,
                LISTED_MAX));
  }

  /** Deletes one: nobody enrols with it any more. */
  void delete(Actor actor, long id) {
    database.run(
        transaction -> {
          if (transaction.update("delete from enrolment_token where id = ?", id) == 0) {
            throw new ProblemException(
                ErrorCode.NOT_FOUND,
                "no enrolment token %d: see 'skerry get tokens'".formatted(id));
          }
          audit.append(
              transaction,
              actor,
              AuditLog.Act.of("enrolment-token.deleted", "enrolment-token/" + id, ""));
        });
  }

  /**
   * Uses a token once, in the caller's transaction.
   *
   * @throws ProblemException if it is unknown, used up or expired
   */
  Grant use(Transaction transaction, String secret) {
    return transaction
        .first(
            """
            update enrolment_token set uses_left = uses_left - 1
            where secret_hash = ? and uses_left > 0 and expires_at > now()
            returning labels::text as labels, preauthorised_only
            """,
            row -> new Grant(labels(row), row.flag("preauthorised_only")),
            Secrets.hash(secret))
        .orElseThrow(
            () ->
                new ProblemException(
                    ErrorCode.NOT_AUTHENTICATED,
                    "the enrolment token is unknown, used up or expired: ask for a new one"
                        + " ('skerry create token')"));
  }

  private EnrolmentTokenView view(Row row) {
    return new EnrolmentTokenView(
        row.bigint("id"),
        row.integer("uses"),
        row.integer("uses_left"),
        labels(row),
        row.flag("preauthorised_only"),
        row.text("created_by"),
        row.instant("created_at"),
        row.instant("expires_at"));
  }

  private Map<String, String> labels(Row row) {
    return gson.fromJson(row.text("labels"), new TypeToken<Map<String, String>>() {});
  }
}

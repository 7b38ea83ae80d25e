package io.skerry.control.access;

import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import jakarta.inject.Singleton;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Users, their roles and the hashes of their tokens. */
@Singleton
final class Users {
  private static final String TOKEN_PREFIX = "skt_";

  private final Database database;
  private final AuditLog audit;

  Users(Database database, AuditLog audit) {
    this.database = database;
    this.audit = audit;
  }

  record User(String name, Role role, Instant createdAt) {}

  boolean isEmpty() {
    return database.call(transaction -> transaction.number("select count(*) from access_user"))
        == 0;
  }

  List<User> all() {
    return database.call(
        transaction ->
            transaction.list("select * from access_user order by name limit 10000", Users::read));
  }

  Optional<User> withToken(String token) {
    return database.call(
        transaction ->
            transaction.first(
                "select * from access_user where token_hash = ?",
                Users::read,
                Secrets.hash(token)));
  }

  /** Makes a user and returns the token, which is not kept. */
  String create(Actor actor, String name, Role role) {
    String token = TOKEN_PREFIX + Secrets.random();
    try {
      database.run(transaction -> create(transaction, actor, name, role, token));
    } catch (DatabaseException e) {
      if (e.isUniqueViolation()) {
        throw new ProblemException(
            ErrorCode.ALREADY_EXISTS, "user '%s' exists already".formatted(name));
      }
      throw e;
    }
    return token;
  }

  private void create(Transaction transaction, Actor actor, String name, Role role, String token) {
    transaction.update(
        "insert into access_user (name, role, token_hash, created_at) values (?, ?, ?, now())",
        name,
        role.wireName(),
        Secrets.hash(token));
    audit.append(
        transaction,
        actor,
        new AuditLog.Act(
            "user.created",
            "user/" + name,
            "",
            "",
            "{\"role\":\"%s\"}".formatted(role.wireName())));
  }

  private static User read(Row row) {
    return new User(
        row.text("name"),
        Role.ofWireName(row.text("role")).orElseThrow(),
        row.instant("created_at"));
  }
}

package io.skerry.control.audit;

import io.skerry.control.sql.Database;

/** Makes the audit log without the rest of the control plane. */
public final class AuditLogs {
  private AuditLogs() {}

  /** The log in a database. */
  public static AuditLog in(Database database) {
    return new AuditLog(database);
  }
}

package io.skerry.control.access;

import java.util.Locale;
import java.util.Optional;

/** What a user may do. */
public enum Role {
  /** Reads everything but the audit log. */
  VIEWER,
  /** Reads, and changes what runs. */
  OPERATOR,
  /** Does what operators do, and approves. */
  APPROVER,
  /** Reads, the audit log too. */
  AUDITOR,
  /** Does everything. */
  ADMIN;

  /** Whether this role may do what the other one is required for. */
  public boolean covers(Role required) {
    return switch (this) {
      case ADMIN -> true;
      case APPROVER -> required == APPROVER || required == OPERATOR || required == VIEWER;
      case OPERATOR -> required == OPERATOR || required == VIEWER;
      case AUDITOR -> required == AUDITOR || required == VIEWER;
      case VIEWER -> required == VIEWER;
    };
  }

  /** The name in API and database. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The role of this wire name. */
  public static Optional<Role> ofWireName(String wireName) {
    for (Role role : values()) {
      if (role.wireName().equals(wireName)) {
        return Optional.of(role);
      }
    }
    return Optional.empty();
  }
}

package io.skerry.control.access;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.AuditCheck;
import io.skerry.api.AuditEntry;
import io.skerry.api.FieldError;
import io.skerry.api.Health;
import io.skerry.api.Page;
import io.skerry.api.Problem;
import io.skerry.api.UserCreated;
import io.skerry.api.UserRequest;
import io.skerry.api.UserView;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(FieldError.class)
@SerdeImport(Problem.class)
@SerdeImport(Page.class)
@SerdeImport(Health.class)
@SerdeImport(AuditCheck.class)
@SerdeImport(AuditEntry.class)
@SerdeImport(UserRequest.class)
@SerdeImport(UserCreated.class)
@SerdeImport(UserView.class)
final class AccessJson {
  private AccessJson() {}
}

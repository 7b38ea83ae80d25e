package io.skerry.control.access;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.skerry.api.Health;
import io.skerry.control.host.Addresses;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;

/** Whether the process lives, and whether it can work. */
@Controller("/health")
@Open
@OnPort({OnPort.Port.CONSOLE, OnPort.Port.DEVICES})
final class HealthController {
  private final Database database;
  private final Addresses addresses;

  HealthController(Database database, Addresses addresses) {
    this.database = database;
    this.addresses = addresses;
  }

  @Get("/live")
  Health live() {
    return new Health("live");
  }

  @Get("/ready")
  Health ready() {
    try {
      addresses.get();
      database.call(transaction -> transaction.number("select 1"));
      return new Health("ready");
    } catch (IllegalStateException | DatabaseException e) {
      throw new ProblemException(ErrorCode.UNAVAILABLE, "not ready: " + e.getMessage(), e);
    }
  }
}

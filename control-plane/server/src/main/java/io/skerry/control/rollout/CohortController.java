package io.skerry.control.rollout;

import com.google.gson.Gson;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Put;
import io.skerry.api.Cohort;
import io.skerry.api.CohortRequest;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.audit.AuditLog;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.CohortName;
import io.skerry.protocol.ErrorCode;

/** Cohorts: named selectors over devices. */
@Controller("/v1/cohorts")
final class CohortController {
  private static final int LABELS_MAX = 16;
  private final Database database;
  private final CohortList cohorts;
  private final AuditLog audit;
  private final Gson gson = new Gson();

  CohortController(Database database, CohortList cohorts, AuditLog audit) {
    this.database = database;
    this.cohorts = cohorts;
    this.audit = audit;
  }

  @Get
  @Allowed(Role.VIEWER)
  Page<Cohort> list() {
    return Page.only(cohorts.all());
  }

  @Put("/{name}")
  @Allowed(Role.OPERATOR)
  Cohort put(Actor actor, String name, @Body CohortRequest request) {
    CohortName cohort = new CohortName(name);
    if (request.selector().isEmpty() || request.selector().size() > LABELS_MAX) {
      throw ProblemException.ofField(
          ErrorCode.REQUEST_INVALID,
          "selector",
          "name 1 to %d labels that a device must have".formatted(LABELS_MAX));
    }
    String selector = gson.toJson(request.selector());
    return database.call(
        transaction -> {
          if (transaction.number("select count(*) from cohort where name <> ?", name)
              >= CohortList.COHORTS_MAX) {
            throw new ProblemException(
                ErrorCode.STATE_CONFLICT,
                "there are %d cohorts already".formatted(CohortList.COHORTS_MAX));
          }
          describedAnew(transaction, cohort, selector);
          transaction.update(
              """
              insert into cohort (name, selector, created_by, created_at)
              values (?, ?::jsonb, ?, now())
              on conflict (name) do update set selector = excluded.selector
              """,
              cohort.value(),
              selector,
              actor.name());
          audit.append(
              transaction,
              actor,
              new AuditLog.Act("cohort.set", "cohort/" + name, "", "", selector));
          return CohortList.find(transaction, cohort).orElseThrow();
        });
  }

  // Whom the cohort takes by this: rollouts that devices join later look at nobody else. In the
  // order in which whoever changes several devices locks them.
  static void describedAnew(Transaction transaction, CohortName cohort, String selector) {
    transaction.update(
        """
        with before as materialized (select selector from cohort where name = ? for update),
        taken as materialized (
          select device.id from device join before on not device.labels @> before.selector
          where device.labels @> ?::jsonb
          order by device.id for no key update of device)
        update device set described_at = clock_timestamp() from taken where device.id = taken.id
        """,
        cohort.value(),
        selector);
  }
}

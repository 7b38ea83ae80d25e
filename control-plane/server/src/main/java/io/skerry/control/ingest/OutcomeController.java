package io.skerry.control.ingest;

import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Consumes;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.OutcomeReceipt;
import io.skerry.api.OutcomesTold;
import io.skerry.api.ToldOutcome;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;

/** Outcomes over REST, as JSON or as CSV. */
@Controller("/v1/feedback")
@Allowed(Role.OPERATOR)
@SerdeImport(ToldOutcome.class)
@SerdeImport(OutcomesTold.class)
@SerdeImport(OutcomeReceipt.class)
final class OutcomeController {
  private final Outcomes outcomes;

  OutcomeController(Outcomes outcomes) {
    this.outcomes = outcomes;
  }

  @Post
  OutcomeReceipt tell(@Body OutcomesTold told) {
    return outcomes.tell(told.outcomes(), Outcomes.Source.API);
  }

  @Post
  @Consumes("text/csv")
  OutcomeReceipt tellCsv(@Body String csv) {
    return outcomes.tell(OutcomeCsv.read(csv), Outcomes.Source.CSV);
  }
}

"""What-if questions to a study: small files, the stages run again, before beside after."""

"""What officers ask and say. No row here refers to an officer's account, in any form."""

# Lets `flask db check` work as well as `flask --app run db check`.
FLASK_APP=run

document.title = "Dogana";
